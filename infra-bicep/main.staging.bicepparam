// Staging: shaped as production is, private and with the same services, but small.
using 'main.bicep'

param environment = 'staging'
param location = 'swedencentral'
param gatewayConfig = loadYamlContent('config/staging.yaml')

param openAi = {
  kind: 'new'
  deployments: [
    {
      name: 'gpt-5.1'
      model: 'gpt-5.1'
      version: '2025-11-13'
      sku: 'GlobalStandard'
      capacity: 20
    }
    {
      name: 'gpt-5-mini'
      model: 'gpt-5-mini'
      version: '2025-08-07'
      sku: 'GlobalStandard'
      capacity: 20
    }
    {
      name: 'text-embedding-3-small'
      model: 'text-embedding-3-small'
      version: '1'
      sku: 'GlobalStandard'
      capacity: 20
    }
  ]
}

param ingress = 'private'
param privateServices = true
param network = {
  addressPrefix: '10.61.0.0/24'
}

param scale = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 20
  httpConcurrency: 100
  alwaysReady: 1
}
param cosmos = {
  mode: 'autoscale'
  sharedMaxThroughput: 1000
  maxThroughput: {
    counters: 1000
    ledger: 1000
  }
  zoneRedundant: false
}
param serviceBusSku = 'Premium'
param zoneRedundant = false
param purgeProtection = true
param reportsImmutabilityDays = 7

param retentionDays = 30
param dailyQuotaGb = 5
param alertEmails = []
