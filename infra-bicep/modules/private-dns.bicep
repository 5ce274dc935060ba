metadata name = 'Private DNS zones'
metadata description = 'The zones in which private endpoints have their names, linked to the network.'

@description('Required. The names of the zones, such as `privatelink.vaultcore.azure.net`.')
param zones string[]

@description('Required. The resource id of the virtual network that shall resolve them.')
param virtualNetworkId string

@description('Optional. Tags of the zones and links.')
param tags object = {}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zones: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zones: {
    parent: zone[index]
    name: 'link-${uniqueString(virtualNetworkId)}'
    location: 'global'
    tags: tags
    properties: {
      virtualNetwork: {
        id: virtualNetworkId
      }
      registrationEnabled: false
    }
  }
]

@description('The resource id of each zone, by its name.')
output zoneIds object = toObject(
  zones,
  zoneName => zoneName,
  zoneName => resourceId('Microsoft.Network/privateDnsZones', zoneName)
)
