metadata name = 'Alerts on metrics'
metadata description = 'Rules over what Azure itself counts: it also knows of an app that does not start. Each has a page in docs/runbooks.'

import { capacityThresholds } from '../types.bicep'

@description('Required. The beginning of the names of all rules.')
param name string

@description('Optional. Tags of the rules.')
param tags object = {}

@description('Required. The resource id of the Service Bus namespace.')
param serviceBusId string

@description('Required. The resource id of the function app.')
param functionAppId string

@description('Required. The resource id of the Cosmos DB account.')
param cosmosAccountId string

@description('Required. The most instances that the function app may have.')
param maximumInstanceCount int

@description('Required. The resource id of the action group that is told.')
param actionGroupId string

@description('Required. Where the alerts begin.')
param capacity capacityThresholds

@description('Required. Where the runbooks can be read.')
param runbooks string

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages could not be worked off. What to do: ${runbooks}/dead-letters.md'
    enabled: true
    severity: 1
    scopes: [serviceBusId]
    windowSize: 'PT5M'
    evaluationFrequency: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-letters'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: capacity.deadLetters
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: ['*']
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

// The same trouble as the query of this name, seen by Cosmos DB itself: it also counts what other clients were answered.
resource storeThrottled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-store-throttled-account'
  location: 'global'
  tags: tags
  properties: {
    description: 'Cosmos DB answers with 429. What to do: ${runbooks}/store-throttled.md'
    enabled: true
    severity: 2
    scopes: [cosmosAccountId]
    windowSize: 'PT15M'
    evaluationFrequency: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: capacity.storeThrottledAnswers
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: ['429']
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

// What the gateway cannot tell of: an app that does not start, a worker that died, calls that fail before their caller is known.
resource serverErrors 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-server-errors'
  location: 'global'
  tags: tags
  properties: {
    description: 'The function app answers with 5xx. What to do: ${runbooks}/error-rate.md'
    enabled: true
    severity: 1
    scopes: [functionAppId]
    windowSize: 'PT5M'
    evaluationFrequency: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'server-errors'
          metricNamespace: 'Microsoft.Web/sites'
          metricName: 'Http5xx'
          // An app that was never called has no such metric, and the rule would be refused.
          skipMetricValidation: true
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: capacity.serverErrors
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

resource instancesUsed 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-instances-used'
  location: 'global'
  tags: tags
  properties: {
    description: 'The function app can hardly grow any more. What to do: ${runbooks}/instances-used.md'
    enabled: true
    severity: 2
    scopes: [functionAppId]
    windowSize: 'PT5M'
    evaluationFrequency: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'instances'
          metricNamespace: 'Microsoft.Web/sites'
          metricName: 'InstanceCount'
          // Nor is there one of an app that never ran.
          skipMetricValidation: true
          timeAggregation: 'Average'
          operator: 'GreaterThanOrEqual'
          threshold: max(maximumInstanceCount * capacity.instancesPercent / 100, 1)
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
