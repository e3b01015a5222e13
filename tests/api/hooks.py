"""What is asked for that only another machine has: a change that is yet to come is told 503, as it should be."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("min_change"), int) and body["min_change"] > 0:
        body["min_change"] = 0
    return body
