metadata name = 'Operations'
metadata description = 'Alerts, workbooks, and the test from outside of a gateway that can be reached from there.'

import { resourceNames } from '../naming.bicep'
import { alertThresholds, resourceTags } from '../types.bicep'

@description('Required. The names of everything.')
param names resourceNames

@description('Required. The region.')
param location string

@description('Required. The tags of everything.')
param tags resourceTags

@description('Required. The resource id of the workspace.')
param workspaceId string

@description('Required. The resource id of Application Insights.')
param applicationInsightsId string

@description('Required. The resource id of the Service Bus namespace.')
param serviceBusId string

@description('Required. The resource id of the Cosmos DB account.')
param cosmosAccountId string

@description('Required. The resource id of the function app.')
param functionAppId string

@description('Required. The most instances that the function app may have.')
param maximumInstanceCount int

@description('Required. Who is told.')
param emails string[]

@description('Required. Where alerts begin.')
param thresholds alertThresholds

@description('Required. The host name that callers use.')
param publicHost string

@description('Required. Whether it can be reached from outside.')
param isReachable bool

module alerts 'alerts.bicep' = {
  params: {
    name: names.alerts
    location: location
    tags: tags
    workspaceId: workspaceId
    serviceBusId: serviceBusId
    cosmosAccountId: cosmosAccountId
    functionAppId: functionAppId
    maximumInstanceCount: maximumInstanceCount
    emails: emails
    thresholds: thresholds
  }
}

module workbooks 'workbooks.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceId: workspaceId
  }
}

module availability 'availability.bicep' = if (isReachable) {
  params: {
    name: names.alerts
    location: location
    tags: tags
    applicationInsightsId: applicationInsightsId
    hostName: publicHost
    actionGroupId: alerts.outputs.actionGroupId
  }
}
