using 'good.bicep'

var rate = 2

param environment = 'prod'
param model = {
  kind: 'existing'
  id: readEnvironmentVariable('MODEL_ID', '')
}
param scale = { memory: 2048, ready: rate }
