metadata name = 'Service Bus'
metadata description = 'The namespace and the queues between the calls and the ledger, the alerts and the reports.'

import { resourceTags } from '../types.bicep'

@description('Required. The name of the namespace.')
@minLength(6)
@maxLength(50)
param name string

@description('Required. The region.')
param location string

@description('Required. The tags of the namespace.')
param tags resourceTags

@description('Required. The kind of namespace. Private endpoints need Premium.')
param sku 'Standard' | 'Premium'

@description('Required. Whether there is a public address. Keys are off and roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

// A batch waits in its function for up to four minutes, and nobody renews its locks (see the README).
var queues = [
  { name: 'usage-events', maxDeliveryCount: 100, lockDuration: 'PT5M' }
  { name: 'alerts', maxDeliveryCount: 10, lockDuration: 'PT1M' }
  { name: 'reports', maxDeliveryCount: 10, lockDuration: 'PT5M' }
]

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: sku == 'Premium' ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicNetworkAccess
    premiumMessagingPartitions: sku == 'Premium' ? 1 : null
  }
}

resource queueResources 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' = [
  for queue in queues: {
    parent: namespace
    name: queue.name
    properties: {
      maxDeliveryCount: queue.maxDeliveryCount
      lockDuration: queue.lockDuration
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: 'PT10M'
      defaultMessageTimeToLive: 'P14D'
      deadLetteringOnMessageExpiration: true
      enableBatchedOperations: true
      maxSizeInMegabytes: 5120
    }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'OperationalLogs'
        enabled: true
      }
      {
        category: 'VNetAndIPFilteringLogs'
        enabled: true
      }
    ]
  }
}

@description('The resource id of the namespace.')
output id string = namespace.id
