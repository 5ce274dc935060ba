metadata name = 'Private access'
metadata description = 'The private DNS zones, and a private endpoint for each service that the gateway calls.'

import { existingAccount, privateDnsZones, resourceTags } from '../types.bicep'
import { nameOf, namingContext, resourceNames } from '../naming.bicep'

@description('Required. The names of everything.')
param names resourceNames

@description('Required. How endpoints are named.')
param naming namingContext

@description('Required. The region of the virtual network.')
param location string

@description('Required. The tags of the zones and endpoints.')
param tags resourceTags

@description('Required. The resource id of the virtual network.')
param virtualNetworkId string

@description('Required. The resource id of the subnet that the endpoints are put into.')
param endpointSubnetId string

@description('Optional. Zones that are there already.')
param existingZoneIds privateDnsZones = {}

@description('Optional. Azure OpenAI accounts that are there already.')
param existingAccounts existingAccount[] = []

var zones = {
  vault: 'privatelink.vaultcore.azure.net'
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  cosmos: 'privatelink.documents.azure.com'
  serviceBus: 'privatelink.servicebus.windows.net'
  cognitive: 'privatelink.cognitiveservices.azure.com'
  openAi: 'privatelink.openai.azure.com'
  foundry: 'privatelink.services.ai.azure.com'
  sites: 'privatelink.azurewebsites.net'
}

// An account of the kind AIServices answers under all three names.
var accountZones = [zones.cognitive, zones.openAi, zones.foundry]

// No function is triggered by a storage queue, so the host needs blobs and tables only.
var services = [
  {
    name: 'vault'
    targetId: resourceId('Microsoft.KeyVault/vaults', names.vault)
    groupId: 'vault'
    zones: [zones.vault]
  }
  {
    name: 'host-blob'
    targetId: resourceId('Microsoft.Storage/storageAccounts', names.hostStorage)
    groupId: 'blob'
    zones: [zones.blob]
  }
  {
    name: 'host-table'
    targetId: resourceId('Microsoft.Storage/storageAccounts', names.hostStorage)
    groupId: 'table'
    zones: [zones.table]
  }
  {
    name: 'reports-blob'
    targetId: resourceId('Microsoft.Storage/storageAccounts', names.reportsStorage)
    groupId: 'blob'
    zones: [zones.blob]
  }
  {
    name: 'cosmos'
    targetId: resourceId('Microsoft.DocumentDB/databaseAccounts', names.cosmos)
    groupId: 'Sql'
    zones: [zones.cosmos]
  }
  {
    name: 'servicebus'
    targetId: resourceId('Microsoft.ServiceBus/namespaces', names.serviceBus)
    groupId: 'namespace'
    zones: [zones.serviceBus]
  }
]

var newAccounts = empty(names.openAi)
  ? []
  : [
      {
        name: 'openai'
        targetId: resourceId('Microsoft.CognitiveServices/accounts', names.openAi)
        groupId: 'account'
        zones: accountZones
      }
    ]

var otherAccounts = map(existingAccounts, account => {
  name: 'openai-${account.name}'
  targetId: account.resourceId
  groupId: 'account'
  zones: accountZones
})

module dns 'private-dns.bicep' = {
  params: {
    zones: filter(map(items(zones), zone => zone.value), zone => !contains(existingZoneIds, zone))
    virtualNetworkId: virtualNetworkId
    tags: tags
  }
}

module endpoints 'private-endpoint.bicep' = [
  for service in concat(services, newAccounts, otherAccounts): {
    params: {
      name: nameOf(naming, 'pep-${service.name}')
      location: location
      tags: tags
      subnetId: endpointSubnetId
      targetId: service.targetId
      groupId: service.groupId
      zoneIds: map(
        service.zones,
        zone => existingZoneIds[?zone] ?? resourceId('Microsoft.Network/privateDnsZones', zone)
      )
    }
    dependsOn: [dns]
  }
]

@description('The resource id of the DNS zone of function apps.')
output sitesZoneId string = existingZoneIds[?zones.sites] ?? resourceId('Microsoft.Network/privateDnsZones', zones.sites)
