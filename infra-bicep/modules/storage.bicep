metadata name = 'Storage'
metadata description = 'Two storage accounts without keys: one for the Functions host and the package, one for reports and archives.'

import { resourceTags } from '../types.bicep'

@description('Required. The name of the account of the Functions host.')
@minLength(3)
@maxLength(24)
param hostName string

@description('Required. The name of the account of the reports.')
@minLength(3)
@maxLength(24)
param reportsName string

@description('Required. The region of both.')
param location string

@description('Required. The tags of both.')
param tags resourceTags

@description('Required. How copies are kept: in one data centre, or in three zones.')
param sku 'Standard_LRS' | 'Standard_ZRS'

@description('Required. Whether there is a public address. Keys are off and roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. Days in which nobody can change or delete a report or an archive; 0 sets no policy. The policy is made once and can be locked for good.')
@minValue(0)
@maxValue(146000)
param immutabilityDays int

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

// The host rewrites its blobs every minute, so a version of each is not kept here; of reports it is.
resource hostAccount 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: hostName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      containerDeleteRetentionPolicy: {
        enabled: true
        days: 7
      }
    }

    resource package 'containers' = {
      name: 'app-package'
      properties: {
        publicAccess: 'None'
      }
    }
  }
}

resource reportsAccount 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: reportsName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      isVersioningEnabled: true
      deleteRetentionPolicy: {
        enabled: true
        days: 30
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: 30
      }
    }

    resource reports 'containers' = {
      name: 'reports'
      properties: {
        publicAccess: 'None'
      }
    }
  }
}

// Made once: a policy that somebody has locked cannot be written again, and a deployment must not fail for that.
@onlyIfNotExists()
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2026-04-01' = if (immutabilityDays > 0) {
  parent: reportsAccount::blobs::reports
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: max(immutabilityDays, 1)
    allowProtectedAppendWrites: false
  }
}

resource reportsLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: reportsAccount::blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}
