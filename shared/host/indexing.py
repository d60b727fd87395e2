"""From a FunctionApp to the functions it holds, or to everything that is wrong with it.

Stricter than Azure's own indexing, which notices a bad schedule, a missing setting or colliding routes only when it
listens, or never.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import azure.functions as func

from shared.errors import ConfigurationError
from shared.host.functions import (
    RETURN,
    AuthLevel,
    HostedFunction,
    HttpTrigger,
    MessageForm,
    MessageTrigger,
    Output,
    TimerTrigger,
    Trigger,
)
from shared.host.ncrontab import parse_ncrontab
from shared.host.routing import RouteTable
from shared.host.signatures import OUT, signature_faults

HTTP, SERVICE_BUS = "http", "serviceBus"
SETTING = re.compile(r"%([^%]+)%")


def index_functions(
    app: func.FunctionRegister, *, environment: Mapping[str, str]
) -> tuple[HostedFunction, ...]:
    """Return the functions of `app` with settings taken from `environment`; works once for an app.

    Raises:
        ConfigurationError: names every function that Azure or this host could not run, and why.
    """
    try:
        found = app.get_functions()
    except ValueError as error:  # duplicate names, a function without trigger, or a second call
        raise ConfigurationError(f"the function app cannot be indexed: {error}") from error
    if not found:
        raise ConfigurationError("the function app has no functions")
    functions, faults = [], []
    for function in found:
        index = FunctionIndex(function=function, environment=environment)
        hosted = index.read()
        faults += [f"function {function.get_function_name()!r}: {each}" for each in index.faults]
        if hosted is not None:
            functions.append(hosted)
    faults += route_faults(functions)
    if faults:
        raise ConfigurationError("; ".join(faults))
    return tuple(functions)


def route_faults(functions: list[HostedFunction]) -> Iterator[str]:
    table: RouteTable[HostedFunction] = RouteTable()
    for function in functions:
        if isinstance(function.trigger, HttpTrigger):
            try:
                table.add(function.trigger.template, function.trigger.methods, function)
            except ValueError as error:
                yield f"function {function.name!r}: {error}"


@dataclass(slots=True, kw_only=True)
class FunctionIndex:
    """Reads one function of an app and notes what is wrong with it."""

    function: Any
    environment: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    def read(self) -> HostedFunction | None:
        """Return the function, or None after noting why it cannot run."""
        call, bindings = self.function.get_user_function(), self.function.get_bindings()
        trigger = self.function.get_trigger()
        self.faults += signature_faults(call, bindings)
        resolved = self._trigger(trigger.get_dict_repr(), call)
        outputs = tuple(self._outputs(trigger))
        if resolved is None or self.faults:
            return None
        return HostedFunction(
            name=self.function.get_function_name(),
            call=call,
            argument=trigger.name,
            trigger=resolved,
            outputs=outputs,
            is_async=inspect.iscoroutinefunction(call),
            takes_context="context" in inspect.signature(call).parameters,
            returns=any(binding.name == RETURN for binding in bindings),
            directory=Path(inspect.getfile(call)).parent,
        )

    def _trigger(self, binding: Mapping[str, Any], call: Any) -> Trigger | None:
        match plain(binding["type"]):
            case "httpTrigger":
                return self._http(binding)
            case "serviceBusTrigger":
                return self._message(binding, call)
            case "timerTrigger":
                return self._timer(binding)
            case other:
                self.faults.append(f"trigger {other!r} is not supported by the local host")
                return None

    def _http(self, binding: Mapping[str, Any]) -> HttpTrigger:
        name = self.function.get_function_name()
        return HttpTrigger(
            template=plain(binding.get("route")) or name,
            methods=frozenset(plain(method).upper() for method in binding.get("methods") or ()),
            auth_level=AuthLevel(plain(binding.get("authLevel")) or AuthLevel.FUNCTION),
        )

    def _message(self, binding: Mapping[str, Any], call: Any) -> MessageTrigger:
        has_sessions = bool(binding.get("isSessionsEnabled"))
        is_many = plain(binding.get("cardinality")).lower() == "many"
        if has_sessions and is_many:
            self.faults.append("batches of a session are not supported by the local host")
        annotation = inspect.get_annotations(call, eval_str=False).get(binding["name"])
        is_body = annotation in (bytes, str, "bytes", "str")
        return MessageTrigger(
            entity=self._entity(binding),
            form=MessageForm.BODY if is_body else MessageForm.MESSAGE,
            is_binary=binding.get("dataType") is func.DataType.BINARY,
            is_many=is_many,
            has_sessions=has_sessions,
        )

    def _timer(self, binding: Mapping[str, Any]) -> TimerTrigger | None:
        if self.function.get_settings_dict("retry_policy"):
            self.faults.append("retry policies of timers are not supported by the local host")
        try:
            schedule = parse_ncrontab(self._resolved(plain(binding.get("schedule"))))
        except ValueError as error:
            self.faults.append(f"schedule: {error}")
            return None
        return TimerTrigger(schedule=schedule, run_on_startup=bool(binding.get("runOnStartup")))

    def _outputs(self, trigger: Any) -> Iterator[Output]:
        for binding in self.function.get_bindings():
            if binding is trigger:
                continue
            if binding.direction == OUT and binding.type == SERVICE_BUS:
                yield Output(argument=binding.name, entity=self._entity(binding.get_dict_repr()))
            elif (binding.type, binding.name, binding.direction) != (HTTP, RETURN, OUT):
                self.faults.append(
                    f"binding {binding.name!r} of type {binding.type!r} is not supported by the"
                    " local host"
                )

    def _entity(self, binding: Mapping[str, Any]) -> str:
        self._check_connection(plain(binding.get("connection")))
        queue, topic = plain(binding.get("queueName")), plain(binding.get("topicName"))
        subscription = plain(binding.get("subscriptionName"))
        if plain(binding["type"]) == SERVICE_BUS or queue:
            return self._resolved(queue or topic)
        return f"{self._resolved(topic)}/Subscriptions/{self._resolved(subscription)}"

    def _check_connection(self, name: str) -> None:
        names = (name, f"{name}__fullyQualifiedNamespace")
        if not any(each in self.environment for each in names):
            self.faults.append(f"connection: neither {' nor '.join(names)} is set")

    def _resolved(self, text: str) -> str:
        for name in SETTING.findall(text):
            if name not in self.environment:
                self.faults.append(f"%{name}%: the setting is missing")
        return SETTING.sub(lambda found: self.environment.get(found[1], ""), text)


def plain(value: Any) -> str:
    """Return the text of a decorator's argument, which may be an enum or missing."""
    return "" if value is None else str(getattr(value, "value", value))
