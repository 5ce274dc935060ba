metadata name = 'Roles elsewhere'
metadata description = 'The role that the gateway\'s identity has on one resource of another resource group or subscription.'

@description('Required. The object id of the gateway\'s identity.')
param principalId string

@description('Required. What the resource is, which decides the role.')
param kind 'openAi' | 'eventHub' | 'communication'

@description('Required. The resource id. Its resource group is the scope of this module.')
param targetId string

@description('Required. The role on an Azure OpenAI account.')
param openAiRole 'Cognitive Services OpenAI User' | 'Cognitive Services OpenAI Contributor'

var roles = {
  'Azure Event Hubs Data Sender': '2b629674-e913-4c01-ae53-ef4638d8f975'
  'Cognitive Services OpenAI Contributor': 'a001fd3d-188f-4b5d-821b-7da978bf7442'
  'Cognitive Services OpenAI User': '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
  'Communication and Email Service Owner': '09976791-48a7-449e-bb21-39d1a415f350'
}

// …/providers/<namespace>/<type>/<name>[/<type>/<name>]
var parts = split(targetId, '/')
var name = parts[8]
var childName = last(parts)

resource openAi 'Microsoft.CognitiveServices/accounts@2026-07-01' existing = if (kind == 'openAi') {
  name: name
}

resource eventHubs 'Microsoft.EventHub/namespaces@2026-01-01' existing = if (kind == 'eventHub') {
  name: name
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = if (kind == 'eventHub') {
  parent: eventHubs
  name: childName
}

resource communication 'Microsoft.Communication/communicationServices@2026-03-18' existing = if (kind == 'communication') {
  name: name
}

resource callsModels 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (kind == 'openAi') {
  scope: openAi
  name: guid(targetId, principalId, roles[openAiRole])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles[openAiRole]
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource sendsEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (kind == 'eventHub') {
  scope: hub
  name: guid(targetId, principalId, roles['Azure Event Hubs Data Sender'])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Azure Event Hubs Data Sender']
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource sendsMail 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (kind == 'communication') {
  scope: communication
  name: guid(targetId, principalId, roles['Communication and Email Service Owner'])
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Communication and Email Service Owner']
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
