"""One function of each kind that both the worker library and the local host run in the tests."""

import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="echo/{name}", methods=["POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "name": req.route_params["name"],
        "query": dict(req.params),
        "type": req.headers["Content-Type"],
        "json": req.get_json(),
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")


@app.service_bus_queue_output(
    arg_name="out", queue_name="results", connection="ServiceBusConnection"
)
@app.service_bus_queue_trigger(
    arg_name="message", queue_name="work", connection="ServiceBusConnection", data_type="binary"
)
def copy(message: func.ServiceBusMessage, out: func.Out[bytes], context: func.Context) -> None:
    seen = [context.function_name, message.message_id, message.delivery_count]
    out.set(json.dumps([*seen, message.get_body().decode()]).encode())


@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
async def nightly(timer: func.TimerRequest) -> None:
    if timer.past_due:
        raise RuntimeError("nobody said so")
