metadata name = 'Configuration'
metadata description = 'What the templates add to the gateway\'s configuration: what they made, and what only they know.'

import { appSettings, connectedResources, existingAccount, newDeployment } from 'types.bicep'

@export()
@description('Where calls to a deployment may be processed, which decides their price.')
func processingOf(sku string) string =>
  startsWith(sku, 'Global') ? 'global' : startsWith(sku, 'DataZone') ? 'data_zone' : 'regional'

@export()
@description('Whether a deployment is paid for by the token or by the hour.')
func capacityOf(sku string) string => endsWith(sku, 'ProvisionedManaged') ? 'provisioned' : 'standard'

@export()
@description('The new account\'s deployments as the gateway\'s configuration has them.')
func fromNewAccount(deployments newDeployment[], endpoint string, region string) object[] =>
  map(deployments, item => {
    name: item.name
    endpoint: endpoint
    deployment: item.name
    region: region
    model: item.model
    processing: processingOf(item.sku)
    capacity: capacityOf(item.sku)
  })

@export()
@description('The same of an account that is there already.')
func fromExistingAccount(account existingAccount) object[] =>
  map(account.deployments, item => {
    name: item.name
    endpoint: account.endpoint
    deployment: item.?deployment ?? item.name
    region: account.location
    model: item.model
    processing: processingOf(item.sku)
    capacity: capacityOf(item.sku)
  })

@export()
@description('A configuration with deployments of ours. One of the file with the same name keeps what else it says, such as its timeouts.')
func withDeployments(config object, made object[]) object =>
  union(config, {
    deployments: concat(
      map(made, item => union(toObject(config.?deployments ?? [], each => each.name)[?item.name] ?? {}, item)),
      filter(config.?deployments ?? [], each => !contains(map(made, item => item.name), each.name))
    )
  })

@export()
@description('A configuration in which every deployment of ours that no route is named after has one.')
func withRoutes(config object, made object[]) object =>
  union(config, {
    routes: concat(
      config.?routes ?? [],
      map(
        filter(made, item => !contains(map(config.?routes ?? [], route => route.alias), item.name)),
        item => { alias: item.name, targets: [{ deployment: item.name }] }
      )
    )
  })

@export()
@description('A configuration whose first operator has the key that the vault keeps.')
func withOperator(config object, vaultName string) object =>
  union(config, {
    keys: map(
      config.?keys ?? [],
      key => key.?id == 'vk_operator' ? union(key, { secret_ref: 'kv://${vaultName}/operator-key' }) : key
    )
  })

@export()
@description('A configuration with the container of its reports, and as many proxies before the app as there are. The file may say otherwise.')
func withSurroundings(config object, reportsUrl string, proxies int) object =>
  union({ trusted_proxies: proxies }, config, {
    finance: union({ reports_storage: reportsUrl }, config.?finance ?? {})
  })

@export()
@description('The address of a new account.')
func endpointOf(accountName string) string => 'https://${accountName}.openai.azure.com'

@export()
@description('The configuration that the gateway starts with.')
func gatewayConfiguration(config object, made object[], vaultName string, reportsUrl string, proxies int) object =>
  withSurroundings(withOperator(withRoutes(withDeployments(config, made), made), vaultName), reportsUrl, proxies)

@export()
@description('The resources elsewhere that the gateway needs a role on, as roles-external.bicep takes them.')
func resourcesElsewhere(accounts existingAccount[], connected connectedResources) object[] =>
  concat(
    map(accounts, account => { kind: 'openAi', targetId: account.resourceId }),
    map(connected.?eventHubIds ?? [], id => { kind: 'eventHub', targetId: id }),
    map(connected.?communicationServiceIds ?? [], id => { kind: 'communication', targetId: id })
  )

@export()
@description('App settings, with the address of the first account where a deployment of the file that is not ours says `env:AZURE_OPENAI_ENDPOINT`.')
func withEndpoint(settings appSettings, config object, endpoint string) appSettings =>
  union(contains(string(config), 'env:AZURE_OPENAI_ENDPOINT') ? { AZURE_OPENAI_ENDPOINT: endpoint } : {}, settings)
