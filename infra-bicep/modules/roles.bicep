metadata name = 'Roles'
metadata description = 'Every role that the gateway\'s identity has in its own resource group. No other file assigns a role there.'

@description('Required. The object id of the gateway\'s identity.')
param principalId string

@description('Required. The name of the vault.')
param vaultName string

@description('Required. The name of the Service Bus namespace.')
param serviceBusName string

@description('Required. The name of the Cosmos DB account.')
param cosmosName string

@description('Required. The name of the storage account of the Functions host.')
param hostStorageName string

@description('Required. The name of the storage account of the reports.')
param reportsStorageName string

@description('Required. The name of the Application Insights component.')
param applicationInsightsName string

@description('Optional. The name of the Azure OpenAI account; empty where none is made.')
param openAiName string = ''

@description('Required. The role on the Azure OpenAI account: *Contributor* where files are uploaded and batches started, else *User*.')
param openAiRole 'Cognitive Services OpenAI User' | 'Cognitive Services OpenAI Contributor'

var roles = {
  'Azure Service Bus Data Receiver': '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  'Azure Service Bus Data Sender': '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  'Cognitive Services OpenAI Contributor': 'a001fd3d-188f-4b5d-821b-7da978bf7442'
  'Cognitive Services OpenAI User': '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

// Of the data plane of Cosmos DB, which has role definitions of its own.
var cosmosRoles = {
  'Cosmos DB Built-in Data Contributor': '00000000-0000-0000-0000-000000000002'
}

// The same names as in service-bus.bicep.
var queueNames = ['usage-events', 'alerts', 'reports']

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: serviceBusName
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for name in queueNames: {
    parent: namespace
    name: name
  }
]

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: cosmosName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: hostStorageName
}

resource reportsStorage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: reportsStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource reports 'containers' existing = {
      name: 'reports'
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource openAi 'Microsoft.CognitiveServices/accounts@2026-07-01' existing = if (!empty(openAiName)) {
  // A name is read even where the condition is false, and must be one.
  name: empty(openAiName) ? 'none' : openAiName
}

resource readsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId, roles['Key Vault Secrets User'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Secrets User'])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in queueNames: {
    scope: queues[index]
    name: guid(queues[index].id, principalId, roles['Azure Service Bus Data Sender'])
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Azure Service Bus Data Sender']
      )
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in queueNames: {
    scope: queues[index]
    name: guid(queues[index].id, principalId, roles['Azure Service Bus Data Receiver'])
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles['Azure Service Bus Data Receiver']
      )
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource keepsDocuments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = {
  parent: cosmos
  name: guid(cosmos.id, principalId, cosmosRoles['Cosmos DB Built-in Data Contributor'])
  properties: {
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/${cosmosRoles['Cosmos DB Built-in Data Contributor']}'
    principalId: principalId
    scope: cosmos.id
  }
}

// The host takes leases on its blobs and sets access rights on what it writes.
resource ownsHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, principalId, roles['Storage Blob Data Owner'])
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Blob Data Owner'])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// The host writes its diagnostic events to a table.
resource writesHostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, principalId, roles['Storage Table Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Table Data Contributor']
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource writesReports 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: reportsStorage::blobs::reports
  name: guid(reportsStorage::blobs::reports.id, principalId, roles['Storage Blob Data Contributor'])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Blob Data Contributor']
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource publishesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, principalId, roles['Monitoring Metrics Publisher'])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Monitoring Metrics Publisher']
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource callsModels 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(openAiName)) {
  scope: openAi
  name: guid(resourceGroup().id, openAiName, principalId, roles[openAiRole])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles[openAiRole]
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
