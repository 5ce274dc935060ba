metadata name = 'Function app'
metadata description = 'The gateway itself: a function app on Flex Consumption that has an identity and no key of anything.'

import { resourceNames } from '../naming.bicep'
import { appSettings, resourceTags, scaleSettings } from '../types.bicep'

@description('Required. The names of everything.')
param names resourceNames

@description('Required. The region.')
param location string

@description('Required. The tags of both.')
param tags resourceTags

@description('Required. The environment, by which telemetry is told apart.')
param environmentName string

@description('Required. The gateway\'s configuration, as docs/reference/configuration.md describes it.')
param gatewayConfig object

@description('Optional. App settings beside those that are set here.')
param extraSettings appSettings = {}

@description('Required. How the app grows.')
param scale scaleSettings

@description('Required. Whether instances are spread over three zones. There are two that are always ready then.')
param zoneRedundant bool

@description('Required. Whether there is a public address.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Optional. With a public address: the only ranges that may call, such as `203.0.113.0/24`. Empty means everybody.')
param allowedIpRanges string[] = []

@description('Optional. The resource id of the subnet that the app\'s own calls leave from; empty for none.')
param functionSubnetId string = ''

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.identity
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: names.hostStorage
}

resource serviceBus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: names.serviceBus
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: names.cosmos
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: names.applicationInsights
}

var settings = {
  TOLLGATE_CONFIG_INLINE: string(gatewayConfig)
  TOLLGATE_PEPPER_REF: 'kv://${names.vault}/pepper'
  TOLLGATE_COSMOS_ENDPOINT: cosmos.properties.documentEndpoint
  TOLLGATE_COSMOS_DATABASE: names.database
  TOLLGATE_ENVIRONMENT: environmentName
  TOLLGATE_TELEMETRY: 'azure_monitor'
  TOLLGATE_ACCESS_LOG: 'json'
  // The disk of the instance: the folder of the package cannot be written to, and there may be no home.
  TOLLGATE_DATA: '/tmp/tollgate'
  AZURE_CLIENT_ID: identity.properties.clientId
  AzureWebJobsStorage__accountName: hostStorage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  ServiceBusConnection__fullyQualifiedNamespace: split(
    replace(serviceBus.properties.serviceBusEndpoint, 'https://', ''),
    ':'
  )[0]
  ServiceBusConnection__credential: 'managedidentity'
  ServiceBusConnection__clientId: identity.properties.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identity.properties.clientId}'
}

// Azure asks for two instances in an app that is spread over zones.
var alwaysReady = zoneRedundant ? max(scale.alwaysReady, 2) : scale.alwaysReady

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: names.plan
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: names.app
  location: location
  // By this tag what-if shows that the configuration changes: it does not read settings back.
  tags: union(tags, { 'tollgate-config': uniqueString(string(gatewayConfig)) })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identity.id
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkSubnetId: empty(functionSubnetId) ? null : functionSubnetId
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}app-package'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: scale.maximumInstanceCount
        // All HTTP functions are one group; each timer and queue grows by itself and may start from nothing.
        alwaysReady: alwaysReady == 0 ? [] : [{ name: 'http', instanceCount: alwaysReady }]
        triggers: {
          http: {
            perInstanceConcurrency: scale.httpConcurrency
          }
        }
      }
    }
    // Only what Flex Consumption takes: it refuses ftpsState, alwaysOn, linuxFxVersion and their like with error 51021. It has no FTP.
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
      ipSecurityRestrictionsDefaultAction: empty(allowedIpRanges) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: [
        for (range, index) in allowedIpRanges: {
          name: 'allowed-${index}'
          priority: 100 + index
          action: 'Allow'
          ipAddress: range
        }
      ]
      // Deployments come from elsewhere than calls, and only with Entra tokens: passwords are off below.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
      appSettings: map(items(union(extraSettings, settings)), item => { name: item.key, value: item.value })
    }
  }
}

resource noPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = [
  for door in ['ftp', 'scm']: {
    parent: app
    name: door
    properties: {
      allow: false
    }
  }
]

@description('The resource id of the app.')
output id string = app.id

@description('The host name of the app.')
output hostName string = app.properties.defaultHostName
