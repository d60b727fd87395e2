"""The front end's XML as OpenAPI tells of it: objects whose members are elements (contract section A)."""

from shared.wire.cloud_service import SUPPORTED_GEO_REGIONS
from shared.wire.job_collection import JobCollectionState, OperationResult, Plan
from shared.wire.json_types import Json, JsonObject
from shared.wire.openapi.json_schemas import ref
from shared.wire.operation import OperationStatus
from shared.wire.recurrence import Frequency
from shared.wire.xml_elements import NAMESPACE

TEXT: JsonObject = {"type": "string"}
WHOLE: JsonObject = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
BASE64: JsonObject = {"type": "string", "contentEncoding": "base64"}
REGION: JsonObject = {"type": "string", "enum": [*SUPPORTED_GEO_REGIONS]}
PLAN: JsonObject = {"type": "string", "enum": [one.value for one in Plan]}
UUID: JsonObject = {"type": "string", "format": "uuid"}


def element(
    members: dict[str, JsonObject], *required: str, root: str | None = None, **more: Json
) -> JsonObject:
    """Return the schema of an element with these children; `root` is the name of one that is a whole body."""
    schema: JsonObject = {"type": "object", "properties": dict(members), **more}
    if required:
        schema["required"] = [*required]
    if root is not None:
        schema["xml"] = {"name": root, "namespace": NAMESPACE}
    return schema


def list_of(item: str, *, root: str) -> JsonObject:
    xml: JsonObject = {"name": root, "namespace": NAMESPACE, "wrapped": True}
    return {"type": "array", "items": ref(item), "xml": xml}


QUOTA = element(
    {
        "MaxJobCount": WHOLE,
        "MaxJobOccurrence": WHOLE,
        "MaxRecurrence": element(
            {
                "Frequency": {
                    "type": "string",
                    "enum": [one.value.capitalize() for one in Frequency],
                },
                "Interval": {"type": "integer", "minimum": 1, "maximum": 1000},
            },
            "Frequency",
            "Interval",
        ),
    }
)
SETTINGS = element({"Plan": PLAN, "Quota": QUOTA})
STATE: JsonObject = {"type": "string", "enum": [one.value for one in JobCollectionState]}
RESULT: JsonObject = {"type": "string", "enum": [one.value for one in OperationResult]}

XML_SCHEMAS: JsonObject = {
    "XmlError": element({"Code": TEXT, "Message": TEXT}, "Code", "Message", root="Error"),
    "XmlCloudService": element(
        {
            "Label": {**TEXT, "minLength": 1, "maxLength": 100, "pattern": "^[^\\x00-\\x1f]+$"},
            "Description": {**TEXT, "maxLength": 1024, "pattern": "^[^\\x00-\\x1f]*$"},
            "GeoRegion": REGION,
            "Email": {**TEXT, "maxLength": 320, "pattern": "^[^\\x00-\\x1f]*$"},
        },
        "Label",
        "GeoRegion",
        root="CloudService",
    ),
    "XmlCloudServiceAnswer": element(
        {
            "Name": TEXT,
            "Label": TEXT,
            "Description": TEXT,
            "GeoRegion": REGION,
            "Resources": {"type": "array", "items": ref("XmlResourceOfCloudService")},
        },
        "Name",
        "GeoRegion",
        root="CloudService",
    ),
    "XmlCloudServices": list_of("XmlCloudServiceAnswer", root="CloudServices"),
    "XmlResourceOfCloudService": element(
        {
            "ResourceProviderNamespace": TEXT,
            "Type": TEXT,
            "Name": TEXT,
            "SchemaVersion": TEXT,
            "ETag": UUID,
            "State": STATE,
            "IntrinsicSettings": SETTINGS,
            "OperationStatus": element(
                {
                    "Type": TEXT,
                    "Result": RESULT,
                    "Error": element({"HttpCode": WHOLE, "Message": TEXT, "ExtendedCode": TEXT}),
                },
                "Result",
            ),
            "Label": BASE64,
        },
        xml={"name": "Resource"},
    ),
    "XmlJobCollection": element(
        {
            "SchemaVersion": {"type": "string", "const": "1.1"},
            "ETag": TEXT,
            "IntrinsicSettings": SETTINGS,
            "Label": BASE64,
        },
        root="Resource",
    ),
    "XmlJobCollectionAnswer": element(
        {
            "CloudServiceSettings": element({"GeoRegion": REGION}),
            "ETag": UUID,
            "IntrinsicSettings": SETTINGS,
            "Label": BASE64,
            "Name": TEXT,
            "OperationStatus": element(
                {"Error": element({"HttpCode": WHOLE, "Message": TEXT}), "Result": RESULT}, "Result"
            ),
            "PromotionCode": TEXT,
            "SchemaVersion": TEXT,
            "State": STATE,
            "SubState": TEXT,
            "Type": TEXT,
        },
        "ETag",
        "IntrinsicSettings",
        "Name",
        "OperationStatus",
        "State",
        root="Resource",
    ),
    "XmlOperation": element(
        {
            "ID": UUID,
            "Status": {"type": "string", "enum": [one.value for one in OperationStatus]},
            "HttpStatusCode": WHOLE,
            "Error": element({"Code": TEXT, "Message": TEXT}),
        },
        "ID",
        "Status",
        root="Operation",
    ),
    "XmlEntitleResource": element(
        {
            "ResourceProviderNameSpace": TEXT,
            "Type": TEXT,
            "RegistrationDate": {"type": "string", "format": "date-time"},
        },
        root="EntitleResource",
    ),
    "XmlProviderProperties": list_of("XmlProviderProperty", root="ResourceProviderProperties"),
    "XmlProviderProperty": element(
        {"Key": TEXT, "Value": TEXT}, "Key", "Value", xml={"name": "ResourceProviderProperty"}
    ),
    "XmlNameAvailability": element(
        {"IsAvailable": {"type": "boolean"}},
        "IsAvailable",
        root="ResourceNameAvailabilityResponse",
    ),
    "XmlNewCertificate": element(
        {
            "SubscriptionCertificatePublicKey": BASE64,
            "SubscriptionCertificateThumbprint": TEXT,
            "SubscriptionCertificateData": BASE64,
        },
        "SubscriptionCertificateData",
        root="SubscriptionCertificate",
    ),
    "XmlCertificate": element(
        {
            "SubscriptionCertificatePublicKey": BASE64,
            "SubscriptionCertificateThumbprint": TEXT,
            "SubscriptionCertificateData": BASE64,
            "Created": {"type": "string", "format": "date-time"},
            "Revoked": {"type": "string", "format": "date-time"},
        },
        "SubscriptionCertificateThumbprint",
        "SubscriptionCertificateData",
        root="SubscriptionCertificate",
    ),
    "XmlCertificates": list_of("XmlCertificate", root="SubscriptionCertificates"),
}
