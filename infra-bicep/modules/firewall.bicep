metadata name = 'Firewall'
metadata description = 'The web application firewall of Front Door. It looks at addresses, headers and rates, never at what a prompt says.'

@description('Required. The name of the policy: letters and digits.')
param name string

@description('Optional. The policy has no region.')
param location string = 'global'

@description('Optional. Tags of the policy.')
param tags object = {}

@description('Required. `Prevention` refuses what looks like an attack, `Detection` only tells of it.')
param mode 'Prevention' | 'Detection'

@description('Required. The only address ranges that may call. Empty allows all.')
param allowedIpRanges string[]

@description('Required. The most calls a minute from one address, as a guard against floods. 0 sets no limit.')
@minValue(0)
param callsPerMinuteAndAddress int

// Values never reach a log, whatever rule they match.
var scrubbedEverywhere = [
  'RequestHeaderNames'
  'RequestCookieNames'
  'QueryStringArgNames'
  'RequestBodyJsonArgNames'
  'RequestBodyPostArgNames'
]

// Prompts are full of SQL, HTML and shell commands. `requestBodyCheck` keeps rules away from bodies; these exclusions hold should it
// ever be turned on. Keys and tokens are random, and match by accident.
var notInspected = [
  { matchVariable: 'RequestBodyJsonArgNames', selectorMatchOperator: 'EqualsAny', selector: '*' }
  { matchVariable: 'RequestBodyPostArgNames', selectorMatchOperator: 'EqualsAny', selector: '*' }
  { matchVariable: 'RequestCookieNames', selectorMatchOperator: 'EqualsAny', selector: '*' }
  { matchVariable: 'RequestHeaderNames', selectorMatchOperator: 'Equals', selector: 'authorization' }
  { matchVariable: 'RequestHeaderNames', selectorMatchOperator: 'Equals', selector: 'api-key' }
  { matchVariable: 'RequestHeaderNames', selectorMatchOperator: 'Equals', selector: 'x-api-key' }
  { matchVariable: 'RequestHeaderNames', selectorMatchOperator: 'Equals', selector: 'x-gateway-key' }
  { matchVariable: 'QueryStringArgNames', selectorMatchOperator: 'Equals', selector: 'code' }
  { matchVariable: 'QueryStringArgNames', selectorMatchOperator: 'Equals', selector: 'state' }
]

// In the shape of the API, so that an SDK shows it. Front Door fills in the reference, by which the log is searched.
var blockedBody = '{"error":{"message":"Refused by the web application firewall. Reference: {{azure-ref}}","type":"permission_error","param":null,"code":"blocked_by_firewall"}}'

var addressRules = [
  {
    name: 'OnlyKnownAddresses'
    priority: 100
    enabledState: 'Enabled'
    ruleType: 'MatchRule'
    action: 'Block'
    matchConditions: [
      {
        // The address of the connection: a header could be made up.
        matchVariable: 'SocketAddr'
        operator: 'IPMatch'
        negateCondition: true
        matchValue: allowedIpRanges
      }
    ]
  }
]

var rateRules = [
  {
    name: 'Flood'
    priority: 200
    enabledState: 'Enabled'
    ruleType: 'RateLimitRule'
    action: 'Block'
    rateLimitDurationInMinutes: 1
    rateLimitThreshold: callsPerMinuteAndAddress
    groupBy: [
      {
        variableName: 'SocketAddr'
      }
    ]
    matchConditions: [
      {
        matchVariable: 'SocketAddr'
        operator: 'IPMatch'
        matchValue: ['0.0.0.0/0', '::/0']
      }
    ]
  }
]

resource firewallPolicy 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: mode
      requestBodyCheck: 'Disabled'
      customBlockResponseBody: base64(blockedBody)
      logScrubbing: {
        state: 'Enabled'
        scrubbingRules: [
          for variable in scrubbedEverywhere: {
            matchVariable: variable
            selectorMatchOperator: 'EqualsAny'
            state: 'Enabled'
          }
        ]
      }
    }
    customRules: {
      rules: concat(empty(allowedIpRanges) ? [] : addressRules, callsPerMinuteAndAddress == 0 ? [] : rateRules)
    }
    managedRules: {
      managedRuleSets: [
        {
          ruleSetType: 'Microsoft_DefaultRuleSet'
          ruleSetVersion: '2.1'
          ruleSetAction: 'Block'
          exclusions: notInspected
        }
        {
          ruleSetType: 'Microsoft_BotManagerRuleSet'
          ruleSetVersion: '1.1'
          ruleGroupOverrides: [
            {
              // Bot300300 finds 'general-purpose HTTP clients and SDKs', which is what calls a gateway: it would log each call.
              ruleGroupName: 'UnknownBots'
              rules: [
                {
                  ruleId: 'Bot300300'
                  enabledState: 'Disabled'
                }
              ]
            }
          ]
        }
      ]
    }
  }
}

@description('The resource id of the policy.')
output policyId string = firewallPolicy.id
