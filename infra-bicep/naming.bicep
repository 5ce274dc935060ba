metadata name = 'Naming'
metadata description = 'Names of resources from a pattern, cut to what each kind of resource allows.'

@export()
@description('What a name is made of.')
type namingContext = {
  @description('A preset or a pattern, see `nameOf`.')
  pattern: string

  @description('The organization.')
  org: string

  @description('The environment.')
  env: string

  @description('The project.')
  project: string

  @description('The region.')
  location: string

  @description('What makes names unique that all of Azure shares.')
  seed: string
}

@export()
@description('The region\'s short code; an unknown region keeps its name.')
func regionCode(location string) string =>
  {
    australiaeast: 'aue'
    brazilsouth: 'brs'
    canadacentral: 'cac'
    canadaeast: 'cae'
    centralus: 'cus'
    eastasia: 'ea'
    eastus: 'eus'
    eastus2: 'eus2'
    francecentral: 'frc'
    germanywestcentral: 'gwc'
    italynorth: 'itn'
    japaneast: 'jpe'
    koreacentral: 'krc'
    northcentralus: 'ncus'
    northeurope: 'neu'
    norwayeast: 'nwe'
    polandcentral: 'plc'
    southafricanorth: 'san'
    southcentralus: 'scus'
    southeastasia: 'sea'
    southindia: 'sin'
    spaincentral: 'spc'
    swedencentral: 'sdc'
    switzerlandnorth: 'szn'
    uaenorth: 'uan'
    uksouth: 'uks'
    westeurope: 'weu'
    westus: 'wus'
    westus2: 'wus2'
    westus3: 'wus3'
  }[?location] ?? location

@export()
@description('The pattern of a preset; what is not the name of one is a pattern itself.')
func patternOf(naming string) string =>
  {
    'org-env-project-type-loc': '{org}-{env}-{project}-{type}-{loc}'
    'type-service-env-loc': '{type}-{service}-{env}-{loc}'
  }[?naming] ?? naming

@description('A name without dashes at its ends or two in a row, which some services refuse.')
func tidy(name string) string => join(filter(split(name, '-'), part => !empty(part)), '-')

@export()
@description('The name of a resource whose names only have to be unique in its resource group or subscription. `{service}` is the project.')
func nameOf(context namingContext, type string) string =>
  tidy(toLower(replace(
    replace(
      replace(
        replace(
          replace(replace(patternOf(context.pattern), '{org}', context.org), '{env}', context.env),
          '{project}',
          context.project
        ),
        '{service}',
        context.project
      ),
      '{type}',
      type
    ),
    '{loc}',
    regionCode(toLower(replace(context.location, ' ', '')))
  )))

@export()
@description('The name of a resource whose names all of Azure shares: with five characters at its end that are the subscription\'s own, cut to a length.')
func globalNameOf(context namingContext, type string, longest int) string =>
  '${tidy(take(nameOf(context, type), longest - 6))}-${take(uniqueString(context.seed, type), 5)}'

@export()
@description('The same for names of at most 24 letters and digits: the type comes first, and there are no dashes.')
func compactNameOf(context namingContext, type string) string =>
  '${take('${type}${replace(replace(replace(nameOf(context, ''), '-', ''), '_', ''), '.', '')}', 17)}${take(uniqueString(context.seed, type), 7)}'

@export()
@description('The names of everything in the resource group.')
type resourceNames = {
  @description('The user-assigned identity.')
  identity: string

  @description('The Log Analytics workspace.')
  workspace: string

  @description('The Application Insights component.')
  applicationInsights: string

  @description('The virtual network.')
  network: string

  @description('The plan of the function app.')
  plan: string

  @description('The function app.')
  app: string

  @description('The Cosmos DB account.')
  cosmos: string

  @description('The database in it.')
  database: string

  @description('The Service Bus namespace.')
  serviceBus: string

  @description('The Azure OpenAI account; empty where none is made.')
  openAi: string

  @description('The vault.')
  vault: string

  @description('The storage account of the Functions host.')
  hostStorage: string

  @description('The storage account of the reports.')
  reportsStorage: string

  @description('Front Door.')
  frontDoor: string

  @description('What the names of alerts begin with.')
  alerts: string
}

@export()
@description('The names of everything in the resource group of an environment.')
func namesOf(context namingContext, makesAccount bool) resourceNames => {
  identity: nameOf(context, 'id')
  workspace: nameOf(context, 'log')
  applicationInsights: nameOf(context, 'appi')
  network: nameOf(context, 'vnet')
  plan: nameOf(context, 'plan')
  app: globalNameOf(context, 'func', 60)
  cosmos: globalNameOf(context, 'cosmos', 44)
  database: 'tollgate'
  serviceBus: globalNameOf(context, 'sbns', 50)
  openAi: makesAccount ? globalNameOf(context, 'oai', 64) : ''
  vault: compactNameOf(context, 'kv')
  hostStorage: compactNameOf(context, 'sthost')
  reportsStorage: compactNameOf(context, 'strep')
  frontDoor: globalNameOf(context, 'afd', 46)
  alerts: nameOf(context, 'alert')
}
