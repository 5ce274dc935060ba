"""The words that Bicep knows by itself: functions with how many arguments they take and what they give, types and decorators."""

from tests.infra.shapes import ANY, ARRAY, BOOL, INT, OBJECT, STRING, Field, Shape

MANY = 99


def _object(**fields: Shape) -> Shape:
    return Shape("object", fields={name: Field(shape) for name, shape in fields.items()})


_SUFFIXES = Shape("object", extra=STRING)
_CLOUD = _object(
    name=STRING,
    resourceManager=STRING,
    portal=STRING,
    authentication=OBJECT,
    graph=STRING,
    suffixes=_SUFFIXES,
    gallery=STRING,
)
_GROUP = _object(id=STRING, name=STRING, type=STRING, location=STRING, tags=OBJECT, managedBy=STRING, properties=OBJECT)
_SUBSCRIPTION = _object(
    id=STRING,
    subscriptionId=STRING,
    tenantId=STRING,
    displayName=STRING,
    authorizationSource=STRING,
    managedByTenants=ARRAY,
)
_TENANT = _object(tenantId=STRING, country=STRING, countryCode=STRING, displayName=STRING)
_DEPLOYER = _object(objectId=STRING, tenantId=STRING, userPrincipalName=STRING)
_STRINGS = Shape("array", item=STRING)
_INTS = Shape("array", item=INT)
_ITEMS = Shape("array", item=_object(key=STRING, value=ANY))

FUNCTIONS: dict[str, tuple[int, int, Shape]] = {
    "any": (1, 1, ANY),
    "array": (1, 1, ARRAY),
    "base64": (1, 1, STRING),
    "base64ToJson": (1, 1, ANY),
    "base64ToString": (1, 1, STRING),
    "bool": (1, 1, BOOL),
    "buildUri": (1, 1, STRING),
    "cidrHost": (2, 2, STRING),
    "cidrSubnet": (3, 3, STRING),
    "coalesce": (1, MANY, ANY),
    "concat": (1, MANY, ANY),
    "contains": (2, 2, BOOL),
    "dataUri": (1, 1, STRING),
    "dataUriToString": (1, 1, STRING),
    "dateTimeAdd": (2, 3, STRING),
    "dateTimeFromEpoch": (1, 1, STRING),
    "dateTimeToEpoch": (1, 1, INT),
    "deployer": (0, 0, _DEPLOYER),
    "deployment": (0, 0, OBJECT),
    "distinct": (1, 1, ARRAY),
    "empty": (1, 1, BOOL),
    "endsWith": (2, 2, BOOL),
    "environment": (0, 0, _CLOUD),
    "extensionResourceId": (3, MANY, STRING),
    "externalInput": (1, 2, ANY),
    "fail": (1, 1, ANY),
    "filter": (2, 2, ARRAY),
    "first": (1, 1, ANY),
    "flatten": (1, 1, ARRAY),
    "format": (1, MANY, STRING),
    "getSecret": (1, 2, STRING),
    "groupBy": (2, 2, OBJECT),
    "guid": (1, MANY, STRING),
    "indexOf": (2, 2, INT),
    "int": (1, 1, INT),
    "intersection": (2, MANY, ANY),
    "items": (1, 1, _ITEMS),
    "join": (2, 2, STRING),
    "json": (1, 1, ANY),
    "last": (1, 1, ANY),
    "lastIndexOf": (2, 2, INT),
    "length": (1, 1, INT),
    "list": (2, 3, OBJECT),
    "loadDirectoryFileInfo": (1, 2, ARRAY),
    "loadFileAsBase64": (1, 1, STRING),
    "loadJsonContent": (1, 3, ANY),
    "loadTextContent": (1, 2, STRING),
    "loadYamlContent": (1, 3, ANY),
    "managementGroup": (0, 1, OBJECT),
    "managementGroupResourceId": (2, MANY, STRING),
    "map": (2, 2, ARRAY),
    "mapValues": (2, 2, OBJECT),
    "max": (1, MANY, INT),
    "min": (1, MANY, INT),
    "nameof": (1, 1, STRING),
    "newGuid": (0, 0, STRING),
    "objectKeys": (1, 1, _STRINGS),
    "padLeft": (2, 3, STRING),
    "parseCidr": (1, 1, OBJECT),
    "parseUri": (1, 1, OBJECT),
    "pickZones": (3, 5, _STRINGS),
    "range": (2, 2, _INTS),
    "readCliArg": (1, 1, STRING),
    "readEnvironmentVariable": (1, 2, STRING),
    "reduce": (3, 3, ANY),
    "reference": (1, 3, ANY),
    "replace": (3, 3, STRING),
    "resourceGroup": (0, 2, _GROUP),
    "resourceId": (2, MANY, STRING),
    "shallowMerge": (1, 1, OBJECT),
    "skip": (2, 2, ANY),
    "sort": (2, 2, ARRAY),
    "split": (2, 2, _STRINGS),
    "startsWith": (2, 2, BOOL),
    "string": (1, 1, STRING),
    "subscription": (0, 1, _SUBSCRIPTION),
    "subscriptionResourceId": (2, MANY, STRING),
    "substring": (2, 3, STRING),
    "take": (2, 2, ANY),
    "tenant": (0, 0, _TENANT),
    "tenantResourceId": (2, MANY, STRING),
    "toLogicalZone": (3, 3, STRING),
    "toLogicalZones": (3, 3, _STRINGS),
    "toLower": (1, 1, STRING),
    "toObject": (2, 3, OBJECT),
    "toPhysicalZone": (3, 3, STRING),
    "toPhysicalZones": (3, 3, _STRINGS),
    "toUpper": (1, 1, STRING),
    "trim": (1, 1, STRING),
    "tryGet": (2, MANY, ANY),
    "union": (2, MANY, ANY),
    "uniqueString": (1, MANY, STRING),
    "uri": (2, 2, STRING),
    "uriComponent": (1, 1, STRING),
    "uriComponentToString": (1, 1, STRING),
    "utcNow": (0, 1, STRING),
}

ONLY_IN_DEFAULTS = ("newGuid", "utcNow")
"""They give something else each time, so Bicep takes them in the default of a parameter alone."""

NAMESPACES = ("sys", "az")

TYPES = {
    "string": STRING,
    "int": INT,
    "bool": BOOL,
    "object": OBJECT,
    "array": ARRAY,
    "any": ANY,
    "null": Shape("null"),
}

DECORATORS: dict[str, tuple[str, ...]] = {
    "description": ("metadata", "param", "var", "output", "type", "func", "resource", "module", "property"),
    "metadata": ("param", "output", "type", "property"),
    "allowed": ("param",),
    "minLength": ("param", "output", "type", "property"),
    "maxLength": ("param", "output", "type", "property"),
    "minValue": ("param", "output", "type", "property"),
    "maxValue": ("param", "output", "type", "property"),
    "secure": ("param", "output", "type", "property"),
    "sealed": ("param", "output", "type", "property"),
    "discriminator": ("param", "output", "type", "property"),
    "export": ("var", "type", "func"),
    "batchSize": ("resource", "module"),
    "onlyIfNotExists": ("resource",),
    "retryOn": ("resource",),
    "waitUntil": ("resource",),
}
