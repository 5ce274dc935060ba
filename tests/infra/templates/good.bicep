metadata name = 'What the language has'
targetScope = 'resourceGroup'

import { network, shortName, regions as places } from 'shared.bicep'
import * as common from './shared.bicep'

@description('The environment.')
param environment common.environmentName = 'dev'

@description('The region.')
param location string = resourceGroup().location

@description('The network, if there is one.')
param vnet network?

@description('Where models are.')
param model common.modelSource

@secure()
@description('The first half of a secret.')
param half string = newGuid()

@description('Addresses that may call.')
param addresses string[] = []

@description('The sku of the vault.')
param sku resourceInput<'Microsoft.KeyVault/vaults@2024-11-01'>.properties.sku = {
  family: 'A'
  name: 'standard'
}

@description('Scale.')
param scale {
  @description('Megabytes.')
  memory: 512 | 2048 | 4096
  ready: int?
  *: int
} = { memory: 2048 }

var isProd = environment == 'prod'
var level = isProd
  ? 'Disabled'
  : empty(addresses) ? 'Disabled' : 'Enabled'
var rules = [for (address, at) in addresses: { value: address, order: at + 1 }]
var names = map(filter(rules, rule => rule.order > 1 && !empty(rule.value)), (rule, i) => '${i}-${rule.value}')
var byName = toObject(names, name => name, name => { name: name })
var prefix = vnet.?subnets[?0].?prefix ?? vnet.?prefix ?? '10.0.0.0/24'
var total = reduce([1, 2], 0, (sum, next) => sum + next)
var settings = {
  ...byName
  ...(isProd ? { PROD: 'yes' } : {})
  'with-dash': '${total % 2}'
  '${environment}': -1
}
var text = '''
it's '${not interpolated}'
'''
var list = [
  ...names
  'it\'s \${x} \u{1F600}' // a comment
  /* another */
  text
]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: shortName('kv-${environment}', 24)
  location: location
  tags: { settings: string(settings), list: join(list, ',') }
  properties: {
    tenantId: subscription().tenantId
    sku: sku
    enableRbacAuthorization: true
    enablePurgeProtection: isProd ? true : null
    publicNetworkAccess: level
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
      ipRules: map(addresses, address => { value: address })
    }
  }

  @onlyIfNotExists()
  resource secret 'secrets' = if (isProd) {
    name: 'pepper'
    properties: {
      value: '${half}-x'
    }
  }
}

resource other 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: 'kv-other'
  scope: resourceGroup('elsewhere')
}

#disable-next-line use-recent-api-versions
resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: 'sb-${uniqueString(resourceGroup().id)}'
  location: location
  sku: { name: isProd ? 'Premium' : 'Standard' }
}

@batchSize(1)
resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for (name, i) in ['a', 'b']: if (i < scale.memory) {
    parent: namespace
    name: '${name}${prefix}'
    properties: { lockDuration: 'PT5M', maxDeliveryCount: 10 }
  }
]

module peer 'part.bicep' = if (model.kind == 'new') {
  name: 'peer'
  params: {
    name: model.kind == 'new' ? model.account : 'none'
    size: scale.memory
    kind: 'small'
  }
  dependsOn: [queues]
}

module peers 'part.bicep' = [for place in items(places): {
  params: { name: place.key, size: 3, kind: isProd ? 'large' : 'small' }
}]

@description('The address of the vault.')
output address string = vault.properties.vaultUri

@description('The name of the peer.')
output peerName string = peer.?outputs.?name ?? other.name

@description('The ids of the queues.')
output ids array = [for (name, i) in ['a', 'b']: queues[i].id]

@description('The name of the secret.')
output secretName string = vault::secret.name

@description('The names of the peers.')
output peerNames string[] = [for i in range(0, length(items(places))): peers[i].outputs.name]
