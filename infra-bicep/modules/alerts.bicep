metadata name = 'Alerts'
metadata description = 'Who is told, and of what: rules over the logs and over metrics of Azure. Each has a page in docs/runbooks.'

import { alertThresholds, capacityThresholds } from '../types.bicep'

@description('Required. The beginning of the names of all rules.')
param name string

@description('Required. The region of the rules over logs.')
param location string

@description('Optional. Tags of everything that is made here.')
param tags object = {}

@description('Required. The resource id of the workspace that the queries are run in.')
param workspaceId string

@description('Required. The resource id of the Service Bus namespace.')
param serviceBusId string

@description('Required. The resource id of the function app.')
param functionAppId string

@description('Required. The resource id of the Cosmos DB account.')
param cosmosAccountId string

@description('Required. The most instances that the function app may have.')
param maximumInstanceCount int

@description('Required. Who gets an e-mail. Nobody is told where it is empty; the alerts are shown in the portal all the same.')
param emails string[]

@description('Required. Where the alerts on calls begin.')
param thresholds alertThresholds

@description('Optional. Where the other alerts begin.')
param capacity capacityThresholds = {
  upstreamThrottledPercent: 10
  circuitOpenMinutes: 5
  outboxMessages: 0
  storeThrottledAnswers: 100
  deadLetters: 0
  silentMinutes: 15
  instancesPercent: 90
  serverErrors: 20
}

@description('Optional. Where the runbooks can be read; a path in the repository unless it is a full address.')
param runbooks string = 'docs/runbooks'

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'tollgate'
    enabled: true
    emailReceivers: [
      for (email, index) in emails: {
        name: 'email-${index}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

module logAlerts 'log-alerts.bicep' = {
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: workspaceId
    actionGroupId: actionGroup.id
    thresholds: thresholds
    capacity: capacity
    runbooks: runbooks
  }
}

module metricAlerts 'metric-alerts.bicep' = {
  params: {
    name: name
    tags: tags
    serviceBusId: serviceBusId
    functionAppId: functionAppId
    cosmosAccountId: cosmosAccountId
    maximumInstanceCount: maximumInstanceCount
    actionGroupId: actionGroup.id
    capacity: capacity
    runbooks: runbooks
  }
}

@description('The resource id of the action group, for alerts that are made elsewhere.')
output actionGroupId string = actionGroup.id
