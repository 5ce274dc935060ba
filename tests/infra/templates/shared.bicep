@export()
@description('The environments.')
type environmentName = 'dev' | 'prod'

@export()
@sealed()
@description('A network.')
type network = {
  prefix: string
  subnets: { name: string, prefix: string? }[]?
  peers: network[]?
  kinds: ('a' | 'b')[]?
}

type newOne = {
  kind: 'new'
  account: string
}

type existingOne = {
  kind: 'existing'
  id: string
}

@export()
@discriminator('kind')
@description('A new account or one that is there.')
type modelSource = newOne | existingOne

@export()
@description('Codes of regions.')
var regions = {
  swedencentral: 'sdc'
}

@export()
@description('A name, cut.')
func shortName(name string, longest int) string => toLower(take(name, longest))
