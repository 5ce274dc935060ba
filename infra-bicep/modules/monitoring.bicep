metadata name = 'Monitoring'
metadata description = 'A Log Analytics workspace, and Application Insights in it. Both take and give data for Entra tokens only.'

import { resourceTags } from '../types.bicep'

@description('Required. The name of the workspace.')
param workspaceName string

@description('Required. The name of the Application Insights component.')
param applicationInsightsName string

@description('Required. The region of both.')
param location string

@description('Required. The tags of both.')
param tags resourceTags

@description('Required. Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Required. Gigabytes a day after which the workspace takes no more; -1 for no end.')
@minValue(-1)
param dailyQuotaGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    // Azure Monitor is private only behind a private link scope, which changes the DNS of a whole network.
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    DisableIpMasking: false
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

@description('The resource id of the workspace.')
output workspaceId string = workspace.id

@description('The resource id of the Application Insights component.')
output applicationInsightsId string = applicationInsights.id
