metadata name = 'Tollgate'
metadata description = 'The gateway in an environment of its own: a resource group and everything in it. What is left out is as production needs it.'

targetScope = 'subscription'

import { alertThresholds, appSettings, connectedResources, cosmosSettings, environmentName, frontDoorSettings } from 'types.bicep'
import { ingressKind, networkSettings, openAiSource, resourceTags, scaleSettings } from 'types.bicep'
import { nameOf, namesOf, namingContext } from 'naming.bicep'
import { endpointOf, fromExistingAccount, fromNewAccount } from 'configuration.bicep'
import { gatewayConfiguration, resourcesElsewhere, withEndpoint } from 'configuration.bicep'

@description('Required. The environment.')
param environment environmentName

@description('Optional. The region of everything, but for an Azure OpenAI account that names its own.')
param location string = deployment().location

@description('Optional. The organization, in names.')
@minLength(2)
@maxLength(12)
param organization string = 'contoso'

@description('Optional. The project, in names.')
@minLength(2)
@maxLength(12)
param project string = 'tollgate'

@description('Optional. `org-env-project-type-loc`, `type-service-env-loc`, or a pattern of {org}, {env}, {project}, {service}, {type} and {loc} with dashes between.')
param naming string = 'org-env-project-type-loc'

@description('Optional. Tags of everything.')
param tags resourceTags = {}

@description('Optional. The gateway\'s configuration, see docs/reference/configuration.md; config/prod.yaml where it is left out. What is made here is added to it.')
param gatewayConfig object?

@description('Required. Where the models are: in an account that is made here, or in accounts that are there already.')
param openAi openAiSource

@description('Optional. Whether teams may upload files and start batches. Azure gives that right only with *Cognitive Services OpenAI Contributor*; without it the gateway has *Cognitive Services OpenAI User*.')
param filesAndBatches bool = true

@description('Optional. Whether the gateway can be called from the internet.')
param ingress ingressKind = 'private'

@description('Optional. Whether what the gateway calls has private addresses only. A private gateway always has it so.')
param privateServices bool = true

@description('Optional. Of a public gateway: the only ranges that may call it, such as `203.0.113.0/24`. Empty means everybody who has a key.')
param allowedIpRanges string[] = []

@description('Optional. The network of an environment with private services.')
param network networkSettings = { addressPrefix: '10.60.0.0/24' }

@description('Optional. Front Door and a firewall before the gateway, which is reached by a private link then.')
param frontDoor frontDoorSettings = { enabled: false, wafMode: 'Prevention' }

@description('Optional. How the function app grows.')
param scale scaleSettings = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 100
  httpConcurrency: 100
  alwaysReady: 2
}

@description('Optional. How Cosmos DB is paid for.')
param cosmos cosmosSettings = {
  mode: 'autoscale'
  sharedMaxThroughput: 4000
  maxThroughput: {
    counters: 10000
    ledger: 10000
  }
  zoneRedundant: true
}

@description('Optional. The kind of Service Bus namespace. Private services always have Premium.')
param serviceBusSku 'Standard' | 'Premium' = 'Premium'

@description('Optional. Whether the function app and storage are spread over three zones. For Cosmos DB `cosmos` says so.')
param zoneRedundant bool = true

@description('Optional. Whether the vault keeps what is deleted for 90 days, whatever an administrator does. It cannot be taken back.')
param purgeProtection bool = true

@description('Optional. Days in which nobody can change or delete a report or an archive; 0 sets no policy.')
@minValue(0)
@maxValue(146000)
param reportsImmutabilityDays int = 2555

@description('Optional. Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

@description('Optional. Gigabytes of telemetry a day after which no more is taken; -1 for no end.')
param dailyQuotaGb int = -1

@description('Optional. Who is told of alerts.')
param alertEmails string[] = []

@description('Optional. Where alerts begin.')
param thresholds alertThresholds = {
  errorRatePercent: 5
  firstByteMs: 2000
  overheadMs: 100
}

@description('Optional. Resources elsewhere that the configuration sends to: event hubs, mail.')
param connected connectedResources = {}

@description('Optional. App settings of your own, such as `TOLLGATE_TRACE_SAMPLING`. No secrets.')
param extraSettings appSettings = {}

@description('Optional. Whether the gateway may call any address on the internet: other providers, Teams, Slack, webhooks.')
param allowInternetEgress bool = false

var isPrivate = ingress == 'private'
var servicesArePrivate = isPrivate || privateServices
var servicesAccess = servicesArePrivate ? 'Disabled' : 'Enabled'
var appAccess = isPrivate || frontDoor.enabled ? 'Disabled' : 'Enabled'
var allTags = union({ application: 'tollgate', environment: environment, project: project }, tags)

var context namingContext = {
  pattern: naming
  org: organization
  env: environment
  project: project
  location: location
  seed: '${subscription().id}/${organization}/${project}/${environment}/${location}'
}
var makesAccount = openAi.kind == 'new'
var openAiRole = filesAndBatches ? 'Cognitive Services OpenAI Contributor' : 'Cognitive Services OpenAI User'
var groupName = nameOf(context, 'rg')
var names = namesOf(context, makesAccount)

// All of this is known before anything is deployed, so what-if can show it.
// `any`: a property that only one of the two shapes has cannot be asked of both.
var newDeployments = any(openAi).?deployments ?? []
var existingAccounts = any(openAi).?accounts ?? []
var openAiRegion = any(openAi).?location ?? location
var newEndpoint = endpointOf(names.openAi)
var deployments = makesAccount
  ? fromNewAccount(newDeployments, newEndpoint, openAiRegion)
  : flatten(map(existingAccounts, account => fromExistingAccount(account)))
var configuration = gatewayConfiguration(
  gatewayConfig ?? loadYamlContent('config/prod.yaml'),
  deployments,
  names.vault,
  'https://${names.reportsStorage}.blob.${az.environment().suffixes.storage}/reports',
  frontDoor.enabled ? 2 : 1
)
var elsewhere = resourcesElsewhere(existingAccounts, connected)

// An event hub elsewhere has a public address, unlike everything that is made here.
var egressServiceTags = concat(['AzureActiveDirectory', 'AzureMonitor'], empty(connected.?eventHubIds) ? [] : ['EventHub'])

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: groupName
  location: location
  tags: allTags
}

module platform 'modules/platform.bicep' = {
  scope: group
  params: {
    names: names
    location: location
    tags: allTags
    publicNetworkAccess: servicesAccess
    cosmos: cosmos
    serviceBusSku: servicesArePrivate ? 'Premium' : serviceBusSku
    zoneRedundant: zoneRedundant
    purgeProtection: purgeProtection
    reportsImmutabilityDays: reportsImmutabilityDays
    retentionDays: retentionDays
    dailyQuotaGb: dailyQuotaGb
    openAiRegion: openAiRegion
    openAiDeployments: newDeployments
    openAiRole: openAiRole
  }
}

module rolesElsewhere 'modules/roles-external.bicep' = [
  for item in elsewhere: {
    scope: resourceGroup(split(item.targetId, '/')[2], split(item.targetId, '/')[4])
    params: {
      kind: item.kind
      targetId: item.targetId
      openAiRole: openAiRole
      principalId: platform.outputs.principalId
    }
  }
]

module virtualNetwork 'modules/network.bicep' = if (servicesArePrivate) {
  scope: group
  params: {
    name: names.network
    location: location
    tags: allTags
    addressPrefix: network.addressPrefix
    existingIds: network.?existing
    egressServiceTags: egressServiceTags
    allowInternetEgress: allowInternetEgress
  }
}

module privateAccess 'modules/private-access.bicep' = if (servicesArePrivate) {
  scope: group
  params: {
    names: names
    naming: context
    location: location
    tags: allTags
    virtualNetworkId: network.?existing.?virtualNetworkId ?? resourceId(
      subscription().subscriptionId,
      groupName,
      'Microsoft.Network/virtualNetworks',
      names.network
    )
    endpointSubnetId: virtualNetwork!.outputs.endpointSubnetId
    existingZoneIds: network.?existing.?privateDnsZoneIds ?? {}
    existingAccounts: existingAccounts
  }
  dependsOn: [platform]
}

// Last: the app starts as soon as it is there, and then everything that it needs must be.
module app 'modules/function-app.bicep' = {
  scope: group
  params: {
    names: names
    environmentName: environment
    location: location
    tags: allTags
    gatewayConfig: configuration
    extraSettings: withEndpoint(extraSettings, configuration, deployments[0].endpoint)
    scale: scale
    zoneRedundant: zoneRedundant
    publicNetworkAccess: appAccess
    allowedIpRanges: allowedIpRanges
    functionSubnetId: servicesArePrivate ? virtualNetwork!.outputs.functionSubnetId : ''
  }
  dependsOn: [platform, privateAccess, rolesElsewhere]
}

module edge 'modules/edge.bicep' = {
  scope: group
  params: {
    names: names
    naming: context
    location: location
    tags: allTags
    functionAppId: app.outputs.id
    functionAppHost: app.outputs.hostName
    isPrivate: isPrivate
    endpointSubnetId: isPrivate ? virtualNetwork!.outputs.endpointSubnetId : ''
    zoneId: isPrivate ? privateAccess!.outputs.sitesZoneId : ''
    frontDoor: frontDoor
    allowedIpRanges: allowedIpRanges
    workspaceId: platform.outputs.workspaceId
  }
}

module operations 'modules/operations.bicep' = {
  scope: group
  params: {
    names: names
    location: location
    tags: allTags
    workspaceId: platform.outputs.workspaceId
    applicationInsightsId: platform.outputs.applicationInsightsId
    serviceBusId: platform.outputs.serviceBusId
    cosmosAccountId: platform.outputs.cosmosId
    functionAppId: app.outputs.id
    maximumInstanceCount: scale.maximumInstanceCount
    emails: alertEmails
    thresholds: thresholds
    publicHost: edge.outputs.publicHost
    // The test from outside has no address of yours: with an allow-list it would be refused and fire for ever.
    isReachable: (!isPrivate || frontDoor.enabled) && empty(allowedIpRanges)
  }
}

@description('The name of the resource group.')
output resourceGroupName string = groupName

@description('The name of the function app, which the package is deployed to.')
output functionAppName string = names.app

@description('The address that callers use.')
output gatewayUrl string = 'https://${edge.outputs.publicHost}'

@description('The name of the vault, which has the secret `operator-key`.')
output keyVaultName string = names.vault

@description('What the TXT record `_dnsauth.<custom domain>` of Front Door has to hold; empty without a custom domain. It is public by nature.')
output domainValidation string = edge.outputs.domainValidation
