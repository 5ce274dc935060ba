"""Shapes of resource types that the snapshot of the published definitions has not, written by hand after their reference pages."""

from tests.infra.shapes import ANY, BOOL, INT, STRING, Field, Shape, literal, union


def _object(required: dict[str, Shape] | None = None, **optional: Shape) -> Shape:
    fields = {name: Field(shape, required=True) for name, shape in (required or {}).items()}
    return Shape("object", fields=fields | {name: Field(shape) for name, shape in optional.items()})


def _list(item: Shape) -> Shape:
    return Shape("array", item=item)


def _one_of(*values: str) -> Shape:
    return union(literal(value) for value in values)


_TAGS = Shape("object", extra=STRING)
_KEPT = _object({"enabled": BOOL, "days": INT})
_LOG = _object({"enabled": BOOL}, category=STRING, categoryGroup=STRING, retentionPolicy=_KEPT)
_METRIC = _object({"enabled": BOOL}, category=STRING, timeGrain=STRING, retentionPolicy=_KEPT)
_DIAGNOSTICS = _object(
    workspaceId=STRING,
    storageAccountId=STRING,
    eventHubAuthorizationRuleId=STRING,
    eventHubName=STRING,
    serviceBusRuleId=STRING,
    marketplacePartnerId=STRING,
    logAnalyticsDestinationType=_one_of("Dedicated", "AzureDiagnostics"),
    logs=_list(_LOG),
    metrics=_list(_METRIC),
)

_TEST_KIND = _one_of("ping", "multistep", "standard")
_CONTENT = _object(ContentMatch=STRING, IgnoreCase=BOOL, PassIfTextFound=BOOL)
_RULES = _object(
    ContentValidation=_CONTENT,
    SSLCheck=BOOL,
    SSLCertRemainingLifetimeCheck=INT,
    ExpectedHttpStatusCode=INT,
    IgnoreHttpStatusCode=BOOL,
)
_REQUEST = _object(
    RequestUrl=STRING,
    Headers=_list(_object(key=STRING, value=STRING)),
    HttpVerb=STRING,
    RequestBody=STRING,
    ParseDependentRequests=BOOL,
    FollowRedirects=BOOL,
)
_WEB_TEST = _object(
    {"SyntheticMonitorId": STRING, "Name": STRING, "Kind": _TEST_KIND, "Locations": _list(_object(Id=STRING))},
    Description=STRING,
    Enabled=BOOL,
    Frequency=INT,
    Timeout=INT,
    RetryEnabled=BOOL,
    Configuration=_object(WebTest=STRING),
    Request=_REQUEST,
    ValidationRules=_RULES,
)

_REFERENCE = _object(id=STRING)
_TLS = _object(
    {"certificateType": _one_of("CustomerCertificate", "ManagedCertificate", "AzureFirstPartyManagedCertificate")},
    minimumTlsVersion=_one_of("TLS10", "TLS12", "TLS13"),
    cipherSuiteSetType=STRING,
    customizedCipherSuiteSet=ANY,
    secret=_REFERENCE,
)
_DOMAIN = _object(
    {"hostName": STRING},
    tlsSettings=_TLS,
    azureDnsZone=_REFERENCE,
    preValidatedCustomDomainResourceId=_REFERENCE,
    extendedProperties=_TAGS,
)
_DOMAIN.fields |= {
    "validationProperties": Field(_object(validationToken=STRING, expirationDate=STRING), read_only=True),
    "domainValidationState": Field(STRING, read_only=True),
}

MORE_TYPES = {
    "Microsoft.Insights/diagnosticSettings@2021-05-01-preview": _object({"name": STRING, "properties": _DIAGNOSTICS}),
    "Microsoft.Insights/webtests@2022-06-15": _object(
        {"name": STRING, "location": STRING, "properties": _WEB_TEST}, kind=_TEST_KIND, tags=_TAGS
    ),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01": _object(
        {"name": _one_of("ftp", "scm")}, kind=STRING, properties=_object({"allow": BOOL})
    ),
    "Microsoft.Cdn/profiles/customDomains@2025-12-01": _object({"name": STRING}, properties=_DOMAIN),
}
