// Production: nothing has a public address, everything is kept in three zones, nothing can be purged.
using 'main.bicep'

param environment = 'prod'
param location = 'swedencentral'
param gatewayConfig = loadYamlContent('config/prod.yaml')

param openAi = {
  kind: 'new'
  deployments: [
    {
      name: 'gpt-5.1'
      model: 'gpt-5.1'
      version: '2025-11-13'
      sku: 'GlobalStandard'
      capacity: 100
    }
    {
      name: 'gpt-5-mini'
      model: 'gpt-5-mini'
      version: '2025-08-07'
      sku: 'GlobalStandard'
      capacity: 100
    }
    {
      name: 'text-embedding-3-small'
      model: 'text-embedding-3-small'
      version: '1'
      sku: 'GlobalStandard'
      capacity: 100
    }
  ]
}

param ingress = 'private'
param privateServices = true
param network = {
  addressPrefix: '10.62.0.0/24'
}
param frontDoor = {
  enabled: false
  wafMode: 'Prevention'
}

param scale = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 100
  httpConcurrency: 100
  alwaysReady: 2
}
param cosmos = {
  mode: 'autoscale'
  sharedMaxThroughput: 4000
  maxThroughput: {
    counters: 10000
    ledger: 10000
  }
  zoneRedundant: true
}
param serviceBusSku = 'Premium'
param zoneRedundant = true
param purgeProtection = true
param reportsImmutabilityDays = 2555

param retentionDays = 90
param dailyQuotaGb = -1
param alertEmails = []
