metadata name = 'Platform'
metadata description = 'Everything that the gateway stands on, and its roles on it.'

import { resourceNames } from '../naming.bicep'
import { cosmosSettings, newDeployment, resourceTags } from '../types.bicep'

@description('Required. The names of everything.')
param names resourceNames

@description('Required. The region.')
param location string

@description('Required. The tags of everything.')
param tags resourceTags

@description('Required. Whether the services have public addresses. Keys are off and roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. How Cosmos DB is paid for.')
param cosmos cosmosSettings

@description('Required. The kind of Service Bus namespace.')
param serviceBusSku 'Standard' | 'Premium'

@description('Required. Whether storage is kept in three zones.')
param zoneRedundant bool

@description('Required. Whether the vault keeps what is deleted, and Cosmos DB can be put back 30 days and not 7.')
param purgeProtection bool

@description('Required. Days in which nobody can change or delete a report.')
param reportsImmutabilityDays int

@description('Required. Days that telemetry is kept.')
param retentionDays int

@description('Required. Gigabytes of telemetry a day; -1 for no end.')
param dailyQuotaGb int

@description('Required. The region of the Azure OpenAI account.')
param openAiRegion string

@description('Required. The deployments of the Azure OpenAI account, if there is one.')
param openAiDeployments newDeployment[]

@description('Required. The role on the Azure OpenAI account.')
param openAiRole 'Cognitive Services OpenAI User' | 'Cognitive Services OpenAI Contributor'

module identity 'identity.bicep' = {
  params: {
    name: names.identity
    location: location
    tags: tags
  }
}

module monitoring 'monitoring.bicep' = {
  params: {
    workspaceName: names.workspace
    applicationInsightsName: names.applicationInsights
    location: location
    tags: tags
    retentionDays: retentionDays
    dailyQuotaGb: dailyQuotaGb
  }
}

module storage 'storage.bicep' = {
  params: {
    hostName: names.hostStorage
    reportsName: names.reportsStorage
    location: location
    tags: tags
    sku: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
    publicNetworkAccess: publicNetworkAccess
    immutabilityDays: reportsImmutabilityDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module documents 'cosmos.bicep' = {
  params: {
    name: names.cosmos
    location: location
    tags: tags
    databaseName: names.database
    settings: cosmos
    publicNetworkAccess: publicNetworkAccess
    backupTier: purgeProtection ? 'Continuous30Days' : 'Continuous7Days'
    workspaceId: monitoring.outputs.workspaceId
  }
}

module serviceBus 'service-bus.bicep' = {
  params: {
    name: names.serviceBus
    location: location
    tags: tags
    sku: serviceBusSku
    publicNetworkAccess: publicNetworkAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'key-vault.bicep' = {
  params: {
    name: names.vault
    location: location
    tags: tags
    purgeProtection: purgeProtection
    publicNetworkAccess: publicNetworkAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module models 'openai.bicep' = if (!empty(names.openAi)) {
  params: {
    name: names.openAi
    location: openAiRegion
    tags: tags
    deployments: openAiDeployments
    publicNetworkAccess: publicNetworkAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'roles.bicep' = {
  params: {
    principalId: identity.outputs.principalId
    vaultName: names.vault
    serviceBusName: names.serviceBus
    cosmosName: names.cosmos
    hostStorageName: names.hostStorage
    reportsStorageName: names.reportsStorage
    applicationInsightsName: names.applicationInsights
    openAiName: names.openAi
    openAiRole: openAiRole
  }
  dependsOn: [documents, models, monitoring, serviceBus, storage, vault]
}

@description('The object id of the gateway\'s identity.')
output principalId string = identity.outputs.principalId

@description('The resource id of the workspace.')
output workspaceId string = monitoring.outputs.workspaceId

@description('The resource id of Application Insights.')
output applicationInsightsId string = monitoring.outputs.applicationInsightsId

@description('The resource id of the Service Bus namespace.')
output serviceBusId string = serviceBus.outputs.id

@description('The resource id of the Cosmos DB account.')
output cosmosId string = documents.outputs.id
