// Development: cheap, and open to whoever has a key or, with allowedIpRanges, to whoever calls from there.
using 'main.bicep'

param environment = 'dev'
param location = 'swedencentral'
param gatewayConfig = loadYamlContent('config/dev.yaml')

param openAi = {
  kind: 'new'
  deployments: [
    {
      name: 'gpt-5.1'
      model: 'gpt-5.1'
      version: '2025-11-13'
      sku: 'GlobalStandard'
      capacity: 10
    }
    {
      name: 'gpt-5-mini'
      model: 'gpt-5-mini'
      version: '2025-08-07'
      sku: 'GlobalStandard'
      capacity: 10
    }
    {
      name: 'text-embedding-3-small'
      model: 'text-embedding-3-small'
      version: '1'
      sku: 'GlobalStandard'
      capacity: 10
    }
  ]
}

param ingress = 'public'
param privateServices = false
param allowedIpRanges = []

param scale = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 10
  httpConcurrency: 100
  alwaysReady: 0
}
param cosmos = {
  mode: 'serverless'
  zoneRedundant: false
}
param serviceBusSku = 'Standard'
param zoneRedundant = false
param purgeProtection = false
param reportsImmutabilityDays = 0

param retentionDays = 30
param dailyQuotaGb = 1
param alertEmails = []
