metadata name = 'Private endpoint'
metadata description = 'An address in our network for one service, and its name in the private DNS zones.'

@description('Required. The name of the endpoint.')
param name string

@description('Required. The region: that of the subnet, which need not be that of the service.')
param location string

@description('Optional. Tags of the endpoint.')
param tags object = {}

@description('Required. The resource id of the subnet that the address is taken from.')
param subnetId string

@description('Required. The resource id of the service.')
param targetId string

@description('Required. The part of the service: `vault`, `blob`, `queue`, `table`, `Sql`, `namespace`, `account` or `sites`.')
param groupId string

@description('Required. Resource ids of the DNS zones that get the name. Empty where a policy of the tenant sees to that.')
param zoneIds string[]

resource privateEndpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    customNetworkInterfaceName: '${name}-nic'
    privateLinkServiceConnections: [
      {
        name: name
        properties: {
          privateLinkServiceId: targetId
          groupIds: [groupId]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = if (!empty(zoneIds)) {
  parent: privateEndpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      for zoneId in zoneIds: {
        name: replace(last(split(zoneId, '/')), '.', '-')
        properties: {
          privateDnsZoneId: zoneId
        }
      }
    ]
  }
}

@description('The resource id of the endpoint.')
output privateEndpointId string = privateEndpoint.id
