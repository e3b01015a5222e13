"""Scores of nomenklatura's logic-v2 for the bench `names`.

Reads lines of JSON, `{"query": text, "names": [text, ...]}`; writes for each a line with the score of
every name and how long making and comparing the entities took: `{"scores": [...], "micros": number}`.
"""

import json
import sys
from time import perf_counter_ns

from followthemoney import model
from nomenklatura.matching.logic_v2.model import LogicV2


def company(side, name):
    # What was read of a name is remembered by id, and differently for the two sides.
    return model.get_proxy({"id": side + name, "schema": "Company", "properties": {"name": [name]}})


def scores(config, query, names):
    asked = company("asked:", query)
    return [LogicV2.compare(asked, company("listed:", name), config).score for name in names]


def main():
    config = LogicV2.default_config()
    # The first comparison loads its data.
    scores(config, "苏州星河科技有限公司", ["苏州星荷科技有限公司"])
    for line in sys.stdin.buffer:
        question = json.loads(line)
        start = perf_counter_ns()
        found = scores(config, question["query"], question["names"])
        micros = (perf_counter_ns() - start) / 1000
        print(json.dumps({"scores": found, "micros": micros}))


main()
