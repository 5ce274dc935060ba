metadata name = 'Types'
metadata description = 'The shapes of the parameters, shared by main.bicep and its modules.'

@export()
@description('The environments that there are; each has its parameter file and its configuration.')
type environmentName = 'dev' | 'staging' | 'prod'

@export()
@description('`private`: no service has a public address. `public`: the gateway can be called from the internet.')
type ingressKind = 'public' | 'private'

@export()
@description('How a deployment of a model is paid for, and where its calls may be processed.')
type modelSku = 'GlobalStandard' | 'DataZoneStandard' | 'Standard' | 'GlobalProvisionedManaged' | 'DataZoneProvisionedManaged' | 'ProvisionedManaged'

@export()
@description('A deployment of a model that is made in the new account.')
type newDeployment = {
  @description('What the deployment is called, in Azure and in the routes of the gateway\'s configuration.')
  @minLength(2)
  @maxLength(64)
  name: string

  @description('The model, such as `gpt-4o`. Its price is found by this name.')
  model: string

  @description('The version of the model. It stays until this is changed or the version is retired.')
  version: string

  @description('How it is paid for.')
  sku: modelSku

  @description('Thousands of tokens a minute, or provisioned units.')
  @minValue(1)
  capacity: int

  @description('The content filter; `Microsoft.DefaultV2` where none is named.')
  raiPolicyName: string?

  @description('Of a provisioned deployment: the standard one of the same account that takes what it cannot.')
  spilloverDeploymentName: string?
}

@export()
@description('A deployment of a model that is there already.')
type existingDeployment = {
  @description('What the gateway\'s configuration calls it: unique among all accounts.')
  @minLength(2)
  @maxLength(64)
  name: string

  @description('What Azure calls it; `name` where it is left out.')
  deployment: string?

  @description('The model, such as `gpt-4o`. Its price is found by this name.')
  model: string

  @description('How it is paid for.')
  sku: modelSku
}

@export()
@description('An Azure OpenAI account that is there already, in any subscription of the tenant.')
type existingAccount = {
  @description('Names its role assignment\'s deployment and its private endpoint: letters, digits, dashes.')
  @minLength(2)
  @maxLength(20)
  name: string

  @description('Its resource id.')
  resourceId: string

  @description('Its address, such as `https://contoso.openai.azure.com`.')
  endpoint: string

  @description('Its region, such as `swedencentral`.')
  location: string

  @description('Those of its deployments that the gateway may call.')
  @minLength(1)
  deployments: existingDeployment[]
}

@export()
@description('Make an account, with its deployments.')
type newOpenAi = {
  kind: 'new'

  @description('The region of the account; that of everything else where it is left out.')
  location: string?

  @description('The deployments that are made.')
  @minLength(1)
  deployments: newDeployment[]
}

@export()
@description('Use accounts that are there already. Whoever deploys must be allowed to assign a role on each of them.')
type existingOpenAi = {
  kind: 'existing'

  @description('The accounts.')
  @minLength(1)
  accounts: existingAccount[]
}

@export()
@description('Where the models are.')
@discriminator('kind')
type openAiSource = newOpenAi | existingOpenAi

@export()
@description('A virtual network that is there already, with room for the gateway.')
type existingNetwork = {
  @description('The resource id of the virtual network.')
  virtualNetworkId: string

  @description('The resource id of an empty subnet of /27 or larger, delegated to Microsoft.App/environments.')
  functionSubnetId: string

  @description('The resource id of the subnet that the private endpoints are put into.')
  endpointSubnetId: string

  @description('Resource ids of private DNS zones by their names, such as those of a hub. Zones that are missing are made.')
  privateDnsZoneIds: privateDnsZones?
}

@export()
@description('Resource ids of private DNS zones, by the name of the zone.')
type privateDnsZones = {
  @description('The resource id of the zone.')
  *: string
}

@export()
@description('The network of a private environment.')
type networkSettings = {
  @description('The address range of the network that is made: /24 or larger.')
  addressPrefix: string

  @description('A network to use in place of a new one.')
  existing: existingNetwork?
}

@export()
@description('Azure Front Door with a web application firewall before the gateway.')
type frontDoorSettings = {
  @description('Whether there is one.')
  enabled: bool

  @description('`Prevention` refuses what looks like an attack, `Detection` only tells of it.')
  wafMode: 'Prevention' | 'Detection'

  @description('A domain of yours that is put before it, such as `ai.contoso.com`.')
  customDomain: string?

  @description('The region of its private link to the gateway, where the gateway\'s own region has none.')
  privateLinkLocation: string?
}

@export()
@description('How the function app grows.')
type scaleSettings = {
  @description('Memory of an instance in megabytes; 2,048 come with one core.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('The most instances that there may be.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @description('Calls at a time in one instance. Azure\'s default for Python is 1.')
  @minValue(1)
  @maxValue(1000)
  httpConcurrency: int

  @description('Instances that are always there for calls. 0 means that the first call after a pause waits for a start.')
  @minValue(0)
  @maxValue(1000)
  alwaysReady: int
}

@export()
@description('The most request units a second of containers, by the name of the container: 1,000 or a multiple.')
type containerThroughput = {
  @description('Request units a second.')
  *: int
}

@export()
@description('How Cosmos DB is paid for.')
type cosmosSettings = {
  @description('`serverless`: by the request, in one region without zones. `autoscale`: by the hour, between a tenth of the most and the most.')
  mode: 'serverless' | 'autoscale'

  @description('Of `autoscale`: containers with a throughput of their own.')
  maxThroughput: containerThroughput?

  @description('Of `autoscale`: what all other containers share, 1,000 or a multiple.')
  @minValue(1000)
  sharedMaxThroughput: int?

  @description('Whether copies are kept in three zones. Only with `autoscale`, and only when the account is made.')
  zoneRedundant: bool
}

@export()
@description('Where alerts begin.')
type alertThresholds = {
  @description('Percent of calls in five minutes that failed by no fault of their caller: with a 5xx, or as a stream that broke after its 200.')
  errorRatePercent: int

  @description('Milliseconds until the first byte of an answer, at the 95th percentile.')
  firstByteMs: int

  @description('Milliseconds of the gateway\'s own time, at the 95th percentile.')
  overheadMs: int
}

@export()
@description('Where the alerts begin that seldom need another number.')
type capacityThresholds = {
  @description('Percent of a deployment\'s answers that were a 429 of the upstream, in 15 minutes.')
  upstreamThrottledPercent: int

  @description('Minutes of the last 15 in which a deployment was left alone.')
  circuitOpenMinutes: int

  @description('Messages that waited for Service Bus for 15 minutes.')
  outboxMessages: int

  @description('Answers of Cosmos DB with 429, of a container, in 15 minutes.')
  storeThrottledAnswers: int

  @description('Messages in the dead-letter queue of a queue.')
  deadLetters: int

  @description('Minutes without any telemetry.')
  silentMinutes: int

  @description('Percent of the most instances that there may be.')
  instancesPercent: int

  @description('Answers with 5xx that Azure counted in five minutes, whether or not the gateway could tell of them.')
  serverErrors: int
}

@export()
@description('Resources that are there already and that the configuration sends to. Whoever deploys must be allowed to assign a role on each of them.')
type connectedResources = {
  @description('Resource ids of the event hubs of `export.sinks`.')
  eventHubIds: string[]?

  @description('Resource ids of the Communication Services resources of `alerting.channels` of the kind acs_email.')
  communicationServiceIds: string[]?
}

@export()
@description('App settings, by their names. No secrets: the configuration refers to them as `kv://vault/name`.')
type appSettings = {
  @description('The value of the setting.')
  *: string
}

@export()
@description('Tags, by their names.')
type resourceTags = {
  @description('The value of the tag.')
  *: string
}
