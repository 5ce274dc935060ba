metadata name = 'Availability'
metadata description = 'A test from outside: is the gateway there and ready? Only for a gateway that the internet can reach.'

@description('Required. The beginning of the names of the test and its alert.')
param name string

@description('Required. The region of Application Insights.')
param location string

@description('Optional. Tags of everything that is made here.')
param tags object = {}

@description('Required. The resource id of Application Insights, which keeps the results.')
param applicationInsightsId string

@description('Required. The host name that is asked: that of the function app, of Front Door, or a domain of yours.')
param hostName string

@description('Required. The resource id of the action group of the alerts.')
param actionGroupId string

@description('Optional. Where it is asked from. Five places, as Azure advises, so that one of them can fail unnoticed.')
param testLocations string[] = [
  'emea-nl-ams-azr'
  'emea-gb-db3-azr'
  'emea-se-sto-edge'
  'us-va-ash-azr'
  'apac-sg-sin-azr'
]

@description('Optional. How many places must fail at a time.')
@minValue(1)
param failedLocations int = 2

@description('Optional. Where the runbooks can be read; a path in the repository unless it is a full address.')
param runbooks string = 'docs/runbooks'

resource webTest 'Microsoft.Insights/webtests@2022-06-15' = {
  name: '${name}-availability'
  location: location
  // Application Insights finds its tests by this tag.
  tags: union(tags, { 'hidden-link:${applicationInsightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: '${name}-availability'
    Name: '${name}-availability'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [
      for testLocation in testLocations: {
        Id: testLocation
      }
    ]
    Request: {
      RequestUrl: 'https://${hostName}/health/ready'
      HttpVerb: 'GET'
      FollowRedirects: false
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      IgnoreHttpStatusCode: false
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 14
    }
  }
}

resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-availability'
  location: 'global'
  tags: tags
  properties: {
    description: 'The gateway is not there, or not ready. What to do: ${runbooks}/availability.md'
    enabled: true
    severity: 0
    scopes: [
      webTest.id
      applicationInsightsId
    ]
    windowSize: 'PT5M'
    evaluationFrequency: 'PT1M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: webTest.id
      componentId: applicationInsightsId
      failedLocationCount: failedLocations
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

@description('The resource id of the test.')
output webTestId string = webTest.id
