metadata name = 'Alerts on logs'
metadata description = 'A rule for each query in ../kql, of the same name. Each has a page in docs/runbooks.'

import { alertThresholds, capacityThresholds } from '../types.bicep'

@description('A rule over the logs. It fires where the greatest value of `column` is above `threshold`.')
type logRule = {
  @description('The name: that of the query, of the rule and of the runbook.')
  name: string

  @description('What is wrong, in a few words.')
  title: string

  @description('The query. One row for each thing that can be wrong by itself.')
  query: string

  @description('0 critical, 1 error, 2 warning, 3 information.')
  severity: 0 | 1 | 2 | 3

  @description('The column that is compared, and the unit of the threshold.')
  column: string

  @description('The greatest value that is all right.')
  threshold: int

  @description('How much of the logs is looked at.')
  window: string

  @description('How often.')
  every: string

  @description('The column whose values fire on their own.')
  dimension: string?

  @description('Whether it tells of something that happened, and not of a state that ends: it fires once an hour at most and never resolves by itself.')
  isEvent: bool?
}

@description('Required. The beginning of the names of all rules.')
param name string

@description('Required. The region of the rules.')
param location string

@description('Optional. Tags of the rules.')
param tags object = {}

@description('Required. The resource id of the workspace that the queries are run in.')
param workspaceId string

@description('Required. The resource id of the action group that is told.')
param actionGroupId string

@description('Required. Where the alerts on calls begin.')
param thresholds alertThresholds

@description('Required. Where the other alerts begin.')
param capacity capacityThresholds

@description('Required. Where the runbooks can be read.')
param runbooks string

var logRules logRule[] = [
  {
    name: 'error-rate'
    title: 'Calls fail'
    query: loadTextContent('../kql/error-rate.kql')
    severity: 1
    column: 'Percent'
    threshold: thresholds.errorRatePercent
    window: 'PT5M'
    every: 'PT5M'
  }
  {
    name: 'latency'
    title: 'Answers begin late'
    query: loadTextContent('../kql/latency.kql')
    severity: 2
    column: 'Milliseconds'
    threshold: thresholds.firstByteMs
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'overhead'
    title: 'The gateway itself is slow'
    query: loadTextContent('../kql/overhead.kql')
    severity: 2
    column: 'Milliseconds'
    threshold: thresholds.overheadMs
    window: 'PT15M'
    every: 'PT5M'
  }
  {
    name: 'not-configured'
    title: 'A secret or a token cannot be had'
    query: loadTextContent('../kql/not-configured.kql')
    severity: 1
    column: 'Requests'
    threshold: 0
    window: 'PT10M'
    every: 'PT5M'
    dimension: 'ErrorCode'
  }
  {
    name: 'telemetry-silent'
    title: 'Nothing is heard of the gateway'
    query: loadTextContent('../kql/telemetry-silent.kql')
    severity: 1
    column: 'Minutes'
    threshold: capacity.silentMinutes
    window: 'PT1H'
    every: 'PT5M'
  }
  {
    name: 'upstream-throttled'
    title: 'A deployment has no room'
    query: loadTextContent('../kql/upstream-throttled.kql')
    severity: 2
    column: 'Percent'
    threshold: capacity.upstreamThrottledPercent
    window: 'PT15M'
    every: 'PT5M'
    dimension: 'Deployment'
  }
  {
    name: 'circuit-open'
    title: 'A deployment is left alone'
    query: loadTextContent('../kql/circuit-open.kql')
    severity: 2
    column: 'Minutes'
    threshold: capacity.circuitOpenMinutes
    window: 'PT15M'
    every: 'PT5M'
    dimension: 'Deployment'
  }
  {
    name: 'outbox-waiting'
    title: 'Service Bus takes no messages'
    query: loadTextContent('../kql/outbox-waiting.kql')
    severity: 1
    column: 'Messages'
    threshold: capacity.outboxMessages
    window: 'PT15M'
    every: 'PT5M'
    dimension: 'Queue'
  }
  {
    name: 'store-throttled'
    title: 'Cosmos DB asks for patience'
    query: loadTextContent('../kql/store-throttled.kql')
    severity: 2
    column: 'Answers'
    threshold: capacity.storeThrottledAnswers
    window: 'PT15M'
    every: 'PT5M'
    dimension: 'Container'
  }
  {
    name: 'job-failed'
    title: 'A job failed'
    query: loadTextContent('../kql/job-failed.kql')
    severity: 2
    column: 'Failures'
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
    dimension: 'Job'
    isEvent: true
  }
  {
    name: 'books-differ'
    title: 'The books do not agree with themselves'
    query: loadTextContent('../kql/books-differ.kql')
    severity: 1
    column: 'Differences'
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
    isEvent: true
  }
  {
    name: 'unpriced-usage'
    title: 'Usage has no price'
    query: loadTextContent('../kql/unpriced-usage.kql')
    severity: 2
    column: 'Entries'
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
    dimension: 'Model'
    isEvent: true
  }
  {
    name: 'budget-exhausted'
    title: 'A budget is used up'
    query: loadTextContent('../kql/budget-exhausted.kql')
    severity: 3
    column: 'Budgets'
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
    dimension: 'Scope'
    isEvent: true
  }
]

resource logAlert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in logRules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Tollgate: ${rule.title}'
      description: '${rule.title}. What to do: ${runbooks}/${rule.name}.md'
      enabled: true
      severity: rule.severity
      scopes: [workspaceId]
      windowSize: rule.window
      evaluationFrequency: rule.every
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: rule.column
            timeAggregation: 'Maximum'
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: rule.?dimension == null
              ? []
              : [
                  {
                    name: rule.?dimension ?? ''
                    operator: 'Include'
                    values: ['*']
                  }
                ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: !(rule.?isEvent ?? false)
      // The windows of events overlap, so that late telemetry is not missed; this keeps one event from being told twice.
      muteActionsDuration: (rule.?isEvent ?? false) ? 'PT1H' : null
      actions: {
        actionGroups: [actionGroupId]
        customProperties: {
          runbook: '${runbooks}/${rule.name}.md'
        }
      }
    }
  }
]
