metadata name = 'Azure OpenAI'
metadata description = 'An Azure OpenAI account without keys, and its deployments of models.'

import { newDeployment, resourceTags } from '../types.bicep'

@description('Required. The name of the account, which is also the first part of its host name.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. The region of the account.')
param location string

@description('Required. The tags of the account.')
param tags resourceTags

@description('Required. The deployments.')
param deployments newDeployment[]

@description('Required. Whether there is a public address. Keys are off and roles are needed in either case.')
param publicNetworkAccess 'Enabled' | 'Disabled'

@description('Required. The resource id of the workspace that takes the logs.')
param workspaceId string

resource account 'Microsoft.CognitiveServices/accounts@2026-07-01' = {
  name: name
  location: location
  tags: tags
  kind: 'OpenAI'
  sku: {
    name: 'S0'
  }
  properties: {
    // Entra tokens are taken only where the account has a host name of its own.
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
    // What a model is asked to fetch from elsewhere is not fetched with this account's network.
    restrictOutboundNetworkAccess: true
    allowedFqdnList: []
  }
}

// One after the other: an account takes one change at a time, and a deployment that spills over needs the other first.
@batchSize(1)
resource deploymentResources 'Microsoft.CognitiveServices/accounts/deployments@2026-07-01' = [
  for item in deployments: {
    parent: account
    name: item.name
    sku: {
      name: item.sku
      capacity: item.capacity
    }
    properties: {
      model: {
        format: 'OpenAI'
        name: item.model
        version: item.version
      }
      raiPolicyName: item.?raiPolicyName ?? 'Microsoft.DefaultV2'
      spilloverDeploymentName: item.?spilloverDeploymentName
      versionUpgradeOption: 'OnceCurrentVersionExpired'
    }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Audit'
        enabled: true
      }
    ]
  }
}
