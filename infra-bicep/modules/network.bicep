metadata name = 'Network'
metadata description = 'The virtual network: a subnet that the function app calls from, one for private endpoints, and what each may reach.'

import { existingNetwork } from '../types.bicep'

@description('Required. The name of the virtual network; those of its security groups begin with it.')
param name string

@description('Required. The region. It has to be that of the function app.')
param location string

@description('Optional. Tags of everything that is made here.')
param tags object = {}

@description('Optional. The address range, /24 or larger. Not read where `existingIds` are given.')
param addressPrefix string = '10.60.0.0/24'

@description('Optional. A network to use in place of a new one. Nothing is made then, and its security groups are its owner\'s.')
param existingIds existingNetwork?

// What is deployed with the gateway has private endpoints: a tag such as `Storage` would open everybody's accounts, not ours.
@description('Optional. Service tags that the function app may call on port 443. `ServiceBus` and `EventHub` are opened for AMQP as well.')
param egressServiceTags string[] = [
  'AzureActiveDirectory'
  'AzureMonitor'
]

@description('Optional. Whether the function app may call any address on the internet: for providers outside Azure, for Teams, Slack and webhooks.')
param allowInternetEgress bool = false

@description('Optional. The ports that `allowInternetEgress` opens. A mail server usually needs 587 as well.')
param internetEgressPorts string[] = ['443']

@description('Optional. The resource id of a NAT gateway for the function app, where calls have to come from a known address.')
param natGatewayId string?

var functionSubnetName = 'functions'
var endpointSubnetName = 'endpoints'

// Flex Consumption asks for a /27 at least. In a /24 the second half stays free for endpoints and what comes later.
var functionSubnetPrefix = cidrSubnet(addressPrefix, 25, 0)
var endpointSubnetPrefix = cidrSubnet(addressPrefix, 26, 2)

var amqpServiceTags = ['ServiceBus', 'EventHub']

var taggedEgress = [
  for (serviceTag, index) in egressServiceTags: {
    name: 'allow-${toLower(replace(serviceTag, '.', '-'))}'
    properties: {
      priority: 200 + index
      direction: 'Outbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: functionSubnetPrefix
      sourcePortRange: '*'
      destinationAddressPrefix: serviceTag
      destinationPortRanges: contains(amqpServiceTags, serviceTag) ? ['443', '5671', '5672'] : ['443']
    }
  }
]

var internetEgress = [
  {
    name: 'allow-internet'
    properties: {
      priority: 400
      direction: 'Outbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: functionSubnetPrefix
      sourcePortRange: '*'
      destinationAddressPrefix: 'Internet'
      destinationPortRanges: internetEgressPorts
    }
  }
]

var functionRules = [
  {
    name: 'allow-private-addresses'
    properties: {
      priority: 100
      direction: 'Outbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: functionSubnetPrefix
      sourcePortRange: '*'
      destinationAddressPrefix: 'VirtualNetwork'
      destinationPortRanges: ['443', '5671', '5672']
    }
  }
  {
    // For a resolver of the customer's own. Azure's is not subject to security groups.
    name: 'allow-private-dns'
    properties: {
      priority: 110
      direction: 'Outbound'
      access: 'Allow'
      protocol: '*'
      sourceAddressPrefix: functionSubnetPrefix
      sourcePortRange: '*'
      destinationAddressPrefix: 'VirtualNetwork'
      destinationPortRange: '53'
    }
  }
  {
    name: 'deny-all-outbound'
    properties: {
      priority: 4096
      direction: 'Outbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
  {
    name: 'deny-internet-inbound'
    properties: {
      priority: 4096
      direction: 'Inbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: 'Internet'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

resource functionSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-09-01' = if (existingIds == null) {
  name: '${name}-functions-nsg'
  location: location
  tags: tags
  properties: {
    securityRules: concat(functionRules, taggedEgress, allowInternetEgress ? internetEgress : [])
  }
}

resource endpointSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-09-01' = if (existingIds == null) {
  name: '${name}-endpoints-nsg'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        // The tag holds peered networks and what a VPN or ExpressRoute announces: the developers who call the gateway.
        name: 'allow-private-addresses'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: endpointSubnetPrefix
          destinationPortRanges: ['443', '5671', '5672']
        }
      }
      {
        name: 'deny-all-inbound'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
      {
        // Endpoints only answer; answers are not subject to this rule.
        name: 'deny-all-outbound'
        properties: {
          priority: 4096
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// The subnets are written inline: as resources of their own, a second deployment would first take them out of the network.
resource virtualNetwork 'Microsoft.Network/virtualNetworks@2025-09-01' = if (existingIds == null) {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: functionSubnetName
        properties: {
          addressPrefix: functionSubnetPrefix
          networkSecurityGroup: {
            id: functionSecurityGroup.id
          }
          natGateway: natGatewayId == null
            ? null
            : {
                id: natGatewayId!
              }
          // Since version 2025-07-01 subnets have no way out unless they say so; the security group above is what limits it.
          defaultOutboundAccess: natGatewayId == null
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: endpointSubnetName
        properties: {
          addressPrefix: endpointSubnetPrefix
          networkSecurityGroup: {
            id: endpointSecurityGroup.id
          }
          defaultOutboundAccess: false
          // Without this the security group would not be heeded by private endpoints.
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
        }
      }
    ]
  }
}

@description('The resource id of the subnet that the function app is integrated with.')
output functionSubnetId string = existingIds.?functionSubnetId ?? resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  name,
  functionSubnetName
)

@description('The resource id of the subnet that private endpoints are put into.')
output endpointSubnetId string = existingIds.?endpointSubnetId ?? resourceId(
  'Microsoft.Network/virtualNetworks/subnets',
  name,
  endpointSubnetName
)

@description('The resource id of the virtual network.')
output virtualNetworkId string = existingIds.?virtualNetworkId ?? virtualNetwork.id
