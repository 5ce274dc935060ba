metadata name = 'Identity'
metadata description = 'The user-assigned identity that the gateway has in Azure. Its roles are in roles.bicep and roles-external.bicep.'

import { resourceTags } from '../types.bicep'

@description('Required. Its name.')
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags resourceTags

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('The object id that roles are assigned to.')
output principalId string = identity.properties.principalId
