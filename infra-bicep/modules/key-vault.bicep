metadata name = 'Key Vault'
metadata description = 'The vault, and the two secrets that the gateway needs to start. They are drawn here, once, and nobody sees them.'

import { resourceTags } from '../types.bicep'

@description('Required. The name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. The region.')
param location string

@description('Required. The tags of the vault.')
param tags resourceTags

@description('Required. Whether deleted secrets are kept for their days whatever an administrator does. It cannot be taken back.')
param purgeProtection bool

@description('Required. Whether there is a public address. Roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

@description('Optional. Chance for the pepper. Leave it out.')
@secure()
param pepperFirst string = newGuid()

@description('Optional. More chance for the pepper. Leave it out.')
@secure()
param pepperSecond string = newGuid()

@description('Optional. Chance for the operator\'s key. Leave it out.')
@secure()
param operatorKeyFirst string = newGuid()

@description('Optional. More chance for the operator\'s key. Leave it out.')
@secure()
param operatorKeySecond string = newGuid()

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // It cannot be changed later, so it must not depend on what can.
    softDeleteRetentionInDays: 90
    // Azure refuses `false`: what is not wanted must not be said.
    enablePurgeProtection: purgeProtection ? true : null
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }
}

// A new pepper would make every key worthless: what is there is never written again.
@onlyIfNotExists()
resource pepper 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = {
  parent: vault
  name: 'pepper'
  properties: {
    contentType: 'The key that the gateway hashes keys with'
    value: '${pepperFirst}${pepperSecond}'
  }
}

@onlyIfNotExists()
resource operatorKey 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = {
  parent: vault
  name: 'operator-key'
  properties: {
    contentType: 'The key of the gateway\'s first operator'
    value: 'sk-${replace('${operatorKeyFirst}${operatorKeySecond}', '-', '')}'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}
