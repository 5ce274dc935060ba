metadata name = 'Front Door'
metadata description = 'Azure Front Door Premium with a web application firewall, and a private link to the function app behind it.'

@description('Required. The name of the profile and of its endpoint. The firewall policy has the same without dashes.')
param name string

@description('Optional. Front Door has no region.')
param location string = 'global'

@description('Optional. Tags of everything that is made here.')
param tags object = {}

@description('Required. The host name of the function app.')
param originHostName string

@description('Required. The resource id of the function app.')
param originId string

@description('Required. The region of the private link: that of the function app, or the nearest one that Front Door has private links in.')
param privateLinkLocation string

@description('Optional. `Prevention` refuses what looks like an attack, `Detection` only tells of it.')
param wafMode 'Prevention' | 'Detection' = 'Prevention'

@description('Optional. A domain of yours, such as `ai.contoso.com`. It works when its TXT and CNAME records are there.')
param customDomain string?

@description('Required. The resource id of the workspace that gets the logs.')
param workspaceId string

@description('Optional. The only address ranges that may call. Empty allows all. The function app itself sees but Front Door\'s addresses.')
param allowedIpRanges string[] = []

@description('Optional. The most calls a minute from one address, as a guard against floods. A whole office may share one address. 0 sets no limit.')
@minValue(0)
param callsPerMinuteAndAddress int = 20000

// A stream may be silent while a model thinks. This is the most that Front Door waits, and more than the 230 seconds of the function app.
var originResponseTimeoutSeconds = 240

module firewall 'firewall.bicep' = {
  params: {
    name: '${replace(name, '-', '')}waf'
    tags: tags
    mode: wafMode
    allowedIpRanges: allowedIpRanges
    callsPerMinuteAndAddress: callsPerMinuteAndAddress
  }
}

resource profile 'Microsoft.Cdn/profiles@2025-12-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    originResponseTimeoutSeconds: originResponseTimeoutSeconds
    logScrubbing: {
      state: 'Enabled'
      scrubbingRules: [
        {
          // Signing in brings a code in the address.
          matchVariable: 'QueryStringArgNames'
          selectorMatchOperator: 'EqualsAny'
          state: 'Enabled'
        }
      ]
    }
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-12-01' = {
  parent: profile
  name: name
  location: location
  tags: tags
  properties: {
    enabledState: 'Enabled'
  }
}

resource domain 'Microsoft.Cdn/profiles/customDomains@2025-12-01' = if (customDomain != null) {
  parent: profile
  name: replace(customDomain ?? 'none', '.', '-')
  properties: {
    hostName: customDomain ?? 'none'
    tlsSettings: {
      certificateType: 'ManagedCertificate'
      minimumTlsVersion: 'TLS12'
    }
  }
}

// No probes: with a single origin they decide nothing, and every edge would wake the app.
resource originGroup 'Microsoft.Cdn/profiles/originGroups@2025-12-01' = {
  parent: profile
  name: 'gateway'
  properties: {
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 50
    }
    sessionAffinityState: 'Disabled'
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2025-12-01' = {
  parent: originGroup
  name: 'function-app'
  properties: {
    hostName: originHostName
    originHostHeader: originHostName
    httpPort: 80
    httpsPort: 443
    priority: 1
    weight: 1000
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
    sharedPrivateLinkResource: {
      privateLink: {
        id: originId
      }
      privateLinkLocation: privateLinkLocation
      groupId: 'sites'
      requestMessage: 'Front Door ${name}'
    }
  }
}

// There is no `cacheConfiguration`: nothing is cached or compressed, so that streams pass as they come.
resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-12-01' = {
  parent: endpoint
  name: 'all'
  properties: {
    originGroup: {
      id: originGroup.id
    }
    customDomains: customDomain == null
      ? []
      : [
          {
            id: domain.id
          }
        ]
    supportedProtocols: ['Https']
    patternsToMatch: ['/*']
    forwardingProtocol: 'HttpsOnly'
    httpsRedirect: 'Disabled'
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
  }
  dependsOn: [
    origin
  ]
}

resource securityPolicy 'Microsoft.Cdn/profiles/securityPolicies@2025-12-01' = {
  parent: profile
  name: 'firewall'
  properties: {
    parameters: {
      type: 'WebApplicationFirewall'
      wafPolicy: {
        id: firewall.outputs.policyId
      }
      associations: [
        {
          domains: concat([{ id: endpoint.id }], customDomain == null ? [] : [{ id: domain.id }])
          patternsToMatch: ['/*']
        }
      ]
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: profile
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'FrontDoorAccessLog', enabled: true }
      { category: 'FrontDoorWebApplicationFirewallLog', enabled: true }
    ]
    metrics: [
      { category: 'AllMetrics', enabled: true }
    ]
  }
}

@description('The host name of the endpoint.')
output endpointHostName string = endpoint.properties.hostName

@description('The id that Front Door sends in the header `X-Azure-FDID`.')
output frontDoorId string = profile.properties.frontDoorId

@description('What the TXT record `_dnsauth.<custom domain>` has to hold; empty without a custom domain. It is public by nature.')
output domainValidation string = customDomain == null
  ? ''
  : (domain!.properties.?validationProperties.?validationToken ?? '')
