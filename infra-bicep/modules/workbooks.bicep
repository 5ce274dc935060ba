metadata name = 'Workbooks'
metadata description = 'Dashboards over the workspace: the gateway, the budgets, the sessions.'

@description('Required. The region.')
param location string

@description('Optional. Tags of the workbooks.')
param tags object = {}

@description('Required. The resource id of the workspace that they read, and in whose gallery they are.')
param workspaceId string

// The files are workbooks as the portal exports them; this stands where the resource id of the workspace belongs.
var workspacePlaceholder = '{workspace-id}'

var workbooks = [
  {
    key: 'gateway-overview'
    title: 'Tollgate: the gateway'
    content: loadTextContent('../workbooks/gateway-overview.json')
  }
  {
    key: 'budgets'
    title: 'Tollgate: budgets'
    content: loadTextContent('../workbooks/budgets.json')
  }
  {
    key: 'sessions'
    title: 'Tollgate: sessions'
    content: loadTextContent('../workbooks/sessions.json')
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = [
  for item in workbooks: {
    // Azure wants a GUID here; this one is the same with every deployment.
    name: guid(resourceGroup().id, workspaceId, item.key)
    location: location
    tags: tags
    kind: 'shared'
    properties: {
      displayName: item.title
      category: 'workbook'
      version: 'Notebook/1.0'
      sourceId: workspaceId
      serializedData: replace(item.content, workspacePlaceholder, workspaceId)
    }
  }
]

@description('The resource ids of the workbooks.')
output workbookIds string[] = [for (item, index) in workbooks: workbook[index].id]
