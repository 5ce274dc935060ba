metadata name = 'Cosmos DB'
metadata description = 'The account, the database and the containers that keep the gateway\'s state. Data is read and written with Entra tokens only.'

import { containerThroughput, cosmosSettings, resourceTags } from '../types.bicep'

@description('Required. The name of the account.')
@minLength(3)
@maxLength(44)
param name string

@description('Required. The region.')
param location string

@description('Required. The tags of the account.')
param tags resourceTags

@description('Required. The name of the database.')
param databaseName string

@description('Required. How it is paid for.')
param settings cosmosSettings

@description('Required. Whether there is a public address. Keys are off and roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. Days to which the account can be put back.')
param backupTier 'Continuous7Days' | 'Continuous30Days'

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

@description('A container: `queried` are the fields that its documents are looked for or sorted by. No other is indexed, so a write costs what it must.')
type container = {
  @description('Its name.')
  name: string

  @description('The fields that are queried.')
  queried: string[]
}

var isServerless = settings.mode == 'serverless'
var ownThroughput containerThroughput = isServerless ? {} : (settings.?maxThroughput ?? {})

var containers container[] = [
  { name: 'ledger', queried: ['id', 'kind', 'at'] }
  { name: 'sessions', queried: ['id', 'user', 'label', 'day', 'merged_at'] }
  { name: 'reports', queried: ['id', 'requested_at', 'state'] }
  { name: 'object-owners', queried: [] }
  { name: 'team-objects', queried: ['id', 'created', 'label'] }
  { name: 'directory', queried: ['id', 'kind', 'team', 'owner', 'scope', 'target'] }
  { name: 'counters', queried: [] }
  { name: 'provisions', queried: ['id', 'next_at'] }
  {
    name: 'alerts'
    queried: ['id', 'at', 'team', 'is_routed', 'stored_at', 'state', 'next_at', 'channel', 'held_at', 'notice']
  }
  { name: 'key-use', queried: [] }
  { name: 'secrets', queried: ['id'] }
  { name: 'sign-ins', queried: [] }
  { name: 'exports', queried: [] }
  { name: 'outbox', queried: ['id', 'at'] }
  { name: 'migrations', queried: [] }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: isServerless ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: settings.zoneRedundant && !isServerless
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    networkAclBypass: 'None'
    publicNetworkAccess: publicNetworkAccess
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2026-03-15' = {
  parent: account
  name: databaseName
  properties: {
    resource: {
      id: databaseName
    }
    options: isServerless
      ? {}
      : {
          autoscaleSettings: {
            maxThroughput: settings.?sharedMaxThroughput ?? 1000
          }
        }
  }
}

// A few at a time: Cosmos DB refuses too many changes of one account at once.
@batchSize(3)
resource containerResources 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2026-03-15' = [
  for item in containers: {
    parent: database
    name: item.name
    properties: {
      resource: {
        id: item.name
        partitionKey: {
          paths: ['/pk']
          kind: 'Hash'
          version: 2
        }
        defaultTtl: -1
        indexingPolicy: {
          automatic: true
          indexingMode: 'consistent'
          includedPaths: map(item.queried, field => { path: '/body/${field}/?' })
          excludedPaths: [
            {
              path: '/*'
            }
          ]
        }
      }
      options: !contains(ownThroughput, item.name)
        ? {}
        : {
            autoscaleSettings: {
              maxThroughput: ownThroughput[item.name]
            }
          }
    }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'ControlPlaneRequests'
        enabled: true
      }
      {
        category: 'PartitionKeyRUConsumption'
        enabled: true
      }
    ]
  }
}

@description('The resource id of the account.')
output id string = account.id
