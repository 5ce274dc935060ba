metadata name = 'Edge'
metadata description = 'How callers reach the gateway: by a private endpoint, through Front Door, or by its own address.'

import { nameOf, namingContext, resourceNames } from '../naming.bicep'
import { frontDoorSettings, resourceTags } from '../types.bicep'

@description('Required. The names of everything.')
param names resourceNames

@description('Required. How the endpoint is named.')
param naming namingContext

@description('Required. The region of the endpoint.')
param location string

@description('Required. The tags of everything that is made here.')
param tags resourceTags

@description('Required. The resource id of the function app.')
param functionAppId string

@description('Required. The host name of the function app.')
param functionAppHost string

@description('Required. Whether there is a private endpoint.')
param isPrivate bool

@description('Optional. The resource id of the subnet of the private endpoint; empty for none.')
param endpointSubnetId string = ''

@description('Optional. The resource id of the DNS zone of the private endpoint; empty for none.')
param zoneId string = ''

@description('Required. Front Door and its firewall.')
param frontDoor frontDoorSettings

@description('Required. The only ranges that may call through Front Door. Empty means everybody.')
param allowedIpRanges string[]

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

module endpoint 'private-endpoint.bicep' = if (isPrivate) {
  params: {
    name: nameOf(naming, 'pep-app')
    location: location
    tags: tags
    subnetId: endpointSubnetId
    targetId: functionAppId
    groupId: 'sites'
    zoneIds: [zoneId]
  }
}

module door 'front-door.bicep' = if (frontDoor.enabled) {
  params: {
    name: names.frontDoor
    tags: tags
    originHostName: functionAppHost
    originId: functionAppId
    privateLinkLocation: frontDoor.?privateLinkLocation ?? location
    wafMode: frontDoor.wafMode
    customDomain: frontDoor.?customDomain
    workspaceId: workspaceId
    allowedIpRanges: allowedIpRanges
  }
}

@description('The host name that callers use.')
output publicHost string = frontDoor.enabled
  ? (frontDoor.?customDomain ?? door!.outputs.endpointHostName)
  : functionAppHost

@description('What the TXT record `_dnsauth.<custom domain>` of Front Door has to hold; empty without a custom domain. It is public by nature.')
output domainValidation string = frontDoor.enabled ? door!.outputs.domainValidation : ''
