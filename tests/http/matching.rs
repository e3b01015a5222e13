//! Matches in the shape of yente: its clients' requests, and what is answered to them.

use super::*;

fn post(client: &mut Client, path: &str, body: &Value) -> Reply {
    let headers = "content-type: application/json\r\nauthorization: Bearer x\r\n";
    client.request("POST", path, headers, body.to_string().as_bytes())
}

fn answered(client: &mut Client, path: &str, body: &Value) -> Value {
    let reply = post(client, path, body);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let answer = reply.json();
    conforms(&answer, "MatchAnswer");
    answer
}

/// What one query of a schema is answered.
fn one(client: &mut Client, path: &str, schema: &str, properties: Value) -> Value {
    let body = json!({"queries": {"q": {"schema": schema, "properties": properties}}});
    answered(client, path, &body)["responses"]["q"].clone()
}

fn names(response: &Value) -> Vec<&str> {
    let results = response["results"].as_array().unwrap();
    results.iter().map(|result| result["properties"]["name"][0].as_str().unwrap()).collect()
}

/// Score, match, grade of the first result.
fn first(response: &Value) -> (f64, bool, &str) {
    let result = &response["results"][0];
    assert!(result.is_object(), "{response}");
    let grade = result["xincha"]["grade"].as_str().unwrap();
    (result["score"].as_f64().unwrap(), result["match"].as_bool().unwrap(), grade)
}

const DEFAULT: &str = "/match/default";

mod recorded {
    use super::*;

    #[test]
    fn requests_of_its_documentation_are_answered() {
        let server = start(config());
        let mut client = server.connect();
        let documented = json!({"queries": {
            "entity1": {
                "schema": "Person",
                "properties": {
                    "name": ["John Doe"],
                    "birthDate": ["1975-04-21"],
                    "nationality": ["us"]
                }
            },
            "entity2": {
                "schema": "Company",
                "properties": {
                    "name": ["Brilliant Amazing Limited"],
                    "jurisdiction": ["hk"],
                    "registrationNumber": ["84BA99810"]
                }
            }
        }});
        let answer = answered(&mut client, DEFAULT, &documented);
        assert_eq!(answer["limit"], 5);
        for id in ["entity1", "entity2"] {
            let response = &answer["responses"][id];
            assert_eq!(response["results"], json!([]));
            assert_eq!(response["total"], json!({"value": 0, "relation": "eq"}));
            assert_eq!(
                response["query"]["schema"], documented["queries"][id]["schema"],
                "{response}"
            );
        }
        assert_eq!(
            answer["responses"]["entity1"]["query"]["properties"],
            json!({"name": ["John Doe"], "birthDate": ["1975-04-21"]}),
            "what is read"
        );
        let example = json!({"queries": {"q2": {
            "schema": "Company",
            "properties": {"name": ["Stroygazmontazh"], "jurisdiction": ["Russia"]},
        }}});
        answered(&mut client, "/match/default?nested=true&fuzzy=false", &example);
    }

    #[test]
    fn the_example_of_the_description_is_a_request() {
        let document = openapi();
        let content = &document["paths"]["/match/{dataset}"]["post"]["requestBody"]["content"];
        let example = &content["application/json"]["example"];
        conforms(example, "MatchRequest");
        let server = start(config());
        let answer = answered(&mut server.connect(), DEFAULT, example);
        assert_eq!(answer["responses"]["q1"]["total"]["value"], 1);
    }

    #[test]
    fn single_values_numbers_nulls_and_what_is_unknown_are_taken() {
        let server = start(config());
        let mut client = server.connect();
        let body = json!({
            "weights": {"name_literal": 0.8},
            "config": {},
            "queries": {
                "none": null,
                "no1": {"id": "mine", "schema": "Company", "properties": {
                    "name": ground::BLACK.0, "country": "China", "registrationNumber": [null, 84],
                    "directorshipOrganization": [{"id": "x", "schema": "Directorship", "properties": {}}]
                }, "filters": null},
            },
        });
        let answer = answered(&mut client, DEFAULT, &body);
        assert_eq!(answer["responses"].as_object().unwrap().len(), 1);
        let response = &answer["responses"]["no1"];
        assert_eq!(response["query"]["id"], "mine");
        assert_eq!(response["query"]["properties"]["country"], json!(["China"]));
        assert_eq!(names(response), [ground::BLACK.0]);
    }

    #[test]
    fn a_query_without_a_schema_it_knows_is_an_error() {
        let server = start(config());
        let mut client = server.connect();
        let none = json!({"queries": {"fail": {"properties": {"name": "Banana"}}}});
        let problem = post(&mut client, DEFAULT, &none).problem(Code::MissingField);
        assert_eq!(problem["pointer"], "/queries/fail/schema");
        let other =
            json!({"queries": {"fail": {"schema": "xxx", "properties": {"name": "Banana"}}}});
        let problem = post(&mut client, DEFAULT, &other).problem(Code::UnknownSchema);
        assert_eq!(problem["pointer"], "/queries/fail/schema");
        assert!(problem["detail"].is_string(), "what yente's clients read");
    }

    #[test]
    fn of_other_schemas_of_the_model_nobody_is_listed() {
        let server = start(config());
        let mut client = server.connect();
        let named = json!({"name": [ground::BLACK.0]});
        let nothing = one(&mut client, DEFAULT, "Security", named.clone());
        assert_eq!((&nothing["status"], &nothing["results"]), (&json!(200), &json!([])));
        assert_eq!(nothing["xincha"]["verdict"], "undetermined");
        assert_eq!(nothing["query"]["properties"], named);
        // Companies and vehicles are assets.
        let asset = one(&mut client, DEFAULT, "Asset", named);
        assert_eq!(names(&asset), [ground::BLACK.0]);
    }

    #[test]
    fn a_request_of_marble_is_answered_with_all_that_it_reads() {
        let server = start(config());
        let mut client = server.connect();
        let body = json!({
            "queries": {"0192f3a0-0000-7000-8000-000000000001": {
                "schema": "Thing", "properties": {"name": [ground::BLACK.0]}, "filters": null,
            }},
            "params": {"include_datasets": null, "exclude_datasets": null, "exclude_entity_ids": null},
        });
        let path = "/match/default?algorithm=logic-v1&cutoff=0.70&limit=30&threshold=0.70";
        let answer = answered(&mut client, path, &body);
        assert_eq!(answer["algorithm"], "xincha", "and not the one asked for");
        let response = &answer["responses"]["0192f3a0-0000-7000-8000-000000000001"];
        let results = response["results"].as_array().unwrap();
        assert_eq!((results.len(), &response["total"]["value"]), (1, &json!(1)));
        assert_eq!(results[0]["schema"], "Organization");
        assert_eq!(results[0]["datasets"], json!(["sxbzxr", "zfcg"]));
        assert_eq!(results[0]["properties"]["name"], json!([ground::BLACK.0]));
        let id = &results[0]["id"];
        let whitelisted = json!({"queries": body["queries"], "params": {"include_datasets": ["sxbzxr"], "exclude_datasets": null, "exclude_entity_ids": [id]}});
        let answer = answered(&mut client, path, &whitelisted);
        let responses = answer["responses"].as_object().unwrap();
        assert_eq!(responses.values().next().unwrap()["results"], json!([]));
    }

    #[test]
    fn the_catalog_tells_marble_what_is_loaded_and_since_when() {
        let server = start(config());
        let catalog = server.connect().get("/catalog").json();
        let datasets = catalog["datasets"].as_array().unwrap();
        let of = |name: &str| datasets.iter().find(|dataset| dataset["name"] == name).unwrap();
        let default = of("default");
        assert_eq!(default["children"], json!(["sxbzxr", "zfcg", "nsxy_a", "jycm"]));
        assert_eq!(default["load"], true);
        let version = default["index_version"].as_str().unwrap();
        let (time, tag) = version.split_once('-').unwrap();
        assert_eq!((time.len(), tag), (14, "4f1c"), "{version}");
        assert!(time.bytes().all(|byte| byte.is_ascii_digit()), "{version}");
        let updated = default["updated_at"].as_str().unwrap();
        assert_eq!(updated.replace(['-', ':', 'T'], ""), time, "{updated}");
        assert_eq!(of("sxbzxr")["title"], "失信被执行人名单");
        assert_eq!(of("sxbzxr")["entity_count"], 4);
        assert_eq!(
            (&of("jycm")["load"], &of("jycm")["index_version"]),
            (&json!(false), &json!(null))
        );
        assert_eq!(catalog["outdated"], json!(["jycm"]));
        assert_eq!(catalog["index_stale"], true);
    }

    #[test]
    fn algorithms_are_ours_and_theirs_are_names_of_it() {
        let server = start(config());
        let mut client = server.connect();
        let algorithms = client.get("/algorithms").json();
        assert_eq!(
            (&algorithms["default"], &algorithms["best"]),
            (&json!("xincha"), &json!("xincha"))
        );
        let features = &algorithms["algorithms"][0]["features"];
        assert!(features["sound_and_shape"]["coefficient"].as_f64().unwrap() > 1.0, "{features}");
        let body = json!({"queries": {"q": {"schema": "Company", "properties": {"name": ground::BLACK.0}}}});
        for name in ["xincha", "best", "name-based", "regression-v1"] {
            let answer = answered(&mut client, &format!("/match/default?algorithm={name}"), &body);
            assert_eq!(answer["responses"]["q"]["total"]["value"], 1, "{name}");
            assert!(answer["matcher"]["same_name"].is_object(), "{answer}");
        }
        let problem = post(&mut client, "/match/default?algorithm=neural-net", &body);
        problem.problem(Code::UnknownAlgorithm);
    }
}

mod scores {
    use super::*;

    #[test]
    fn an_equal_identifier_is_certain() {
        let server = start(config());
        let mut client = server.connect();
        for property in ["uscCode", "registrationNumber", "idNumber", "taxNumber"] {
            let response =
                one(&mut client, DEFAULT, "Company", json!({property: [ground::BLACK.1]}));
            assert_eq!(first(&response), (1.0, true, "identifier"), "{property}");
            assert_eq!(response["xincha"]["verdict"], "review");
        }
        // The organisation code within it, whatever the schema.
        let derived = one(
            &mut client,
            DEFAULT,
            "LegalEntity",
            json!({"idNumber": [&ground::BLACK.1[8..17]]}),
        );
        assert_eq!(first(&derived), (1.0, true, "identifier"));
        let result = &derived["results"][0];
        assert_eq!(result["properties"]["uscCode"], json!([ground::BLACK.1]));
        assert_eq!(result["properties"]["topics"], json!(["reg.action", "debarment"]));
        assert_eq!(result["target"], true);
        let entries = result["xincha"]["entries"].as_array().unwrap();
        assert_eq!(
            (&entries[1]["document"], &entries[1]["to"]),
            (&json!("苏财购〔2026〕7号"), &json!(null))
        );
        let person = one(&mut client, DEFAULT, "Person", json!({"idNumber": [ground::PERSON.1]}));
        assert_eq!(first(&person), (1.0, true, "identifier"));
    }

    #[test]
    fn names_of_bodies_are_scored_by_likeness() {
        let server = start(config());
        let mut client = server.connect();
        let mut score = |name: &str| {
            let response = one(&mut client, DEFAULT, "Company", json!({"name": [name]}));
            let (score, matches, grade) = first(&response);
            assert_eq!(names(&response)[0], ground::BLACK.0);
            (score, matches, grade.to_owned())
        };
        let same = score("蘇州星河科技有限責任公司");
        assert!(same.0 >= 0.95 && same.1 && same.2 == "name", "{same:?}");
        let misspelt = score("苏州星和科技有限公司");
        assert!((0.5..0.95).contains(&misspelt.0) && misspelt.2 == "similar_name", "{misspelt:?}");
        assert_eq!(misspelt.1, misspelt.0 >= 0.7, "{misspelt:?}");
        let other = json!({"alias": ["无关公司"], "previousName": [ground::RED.0]});
        let response = one(&mut client, DEFAULT, "Organization", other);
        assert_eq!(names(&response), [ground::RED.0]);
        let person = one(&mut client, DEFAULT, "Person", json!({"name": [ground::RED.0]}));
        assert_eq!(person["results"], json!([]), "a body is no person");
    }

    #[test]
    fn likeness_is_explained() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"name": ["苏州星和科技有限公司"]});
        let response = one(&mut client, DEFAULT, "Company", asked);
        let result = &response["results"][0];
        let explained = &result["explanations"];
        assert_eq!(explained["similar_name"]["query"], "苏州星和科技有限公司");
        assert_eq!(explained["similar_name"]["candidate"], ground::BLACK.0);
        assert!(explained["sound_and_shape"]["score"].as_f64().unwrap() >= 1.0, "{explained}");
        assert_eq!(result["features"]["sound_and_shape"], explained["sound_and_shape"]["score"]);
    }

    #[test]
    fn an_identifier_that_contradicts_drops_the_name() {
        let server = start(config());
        let mut client = server.connect();
        let with = |id: &str| json!({"name": [ground::BLACK.0], "uscCode": [id]});
        let contradicted = one(&mut client, DEFAULT, "Company", with(ground::CLEAR.1));
        assert_eq!(contradicted["results"], json!([]));
        // A number that is mistyped contradicts nothing.
        let mistyped = one(&mut client, DEFAULT, "Company", with("91320500MA0000015E"));
        assert_eq!(names(&mistyped), [ground::BLACK.0]);
        let alike = json!({"name": ["苏州星和科技有限公司"], "uscCode": [ground::CLEAR.1]});
        assert_eq!(one(&mut client, DEFAULT, "Company", alike)["results"], json!([]));
    }

    #[test]
    fn a_persons_name_alone_matches_nobody() {
        let server = start(config());
        let mut client = server.connect();
        let variant = one(&mut client, DEFAULT, "Person", json!({"name": ["代小明"]}));
        assert_eq!((first(&variant), names(&variant)), ((0.5, false, "name"), vec!["戴**"]));
        let mut score = |path: &str, properties: Value| {
            let response = one(&mut client, path, "Person", properties);
            let (score, matches, _) = first(&response);
            assert_eq!(response["total"]["value"], i32::from(matches));
            assert_eq!(response["results"][0]["caption"], ground::PERSON.0, "as it was asked");
            (score, matches)
        };
        let name = ground::PERSON.0;
        assert_eq!(score(DEFAULT, json!({"name": [name]})), (0.5, false));
        assert_eq!(score("/match/default?threshold=0.1", json!({"name": [name]})), (0.5, false));
        let parts = json!({"firstName": ["小明"], "lastName": ["戴"]});
        assert_eq!(score(DEFAULT, parts), (0.5, false));
        let born = |day: &str| json!({"name": [name], "birthDate": [day]});
        assert_eq!(score(DEFAULT, born("1900-01-01")), (0.85, true));
        assert_eq!(score(DEFAULT, born("1900")), (0.5, false), "no whole day is none");
        let low = "/match/default?cutoff=0.1&threshold=0.2";
        assert_eq!(score(low, born("1901-01-01")), (0.2, false));
        let response = one(&mut client, DEFAULT, "Person", born("1901-01-01"));
        assert_eq!(response["results"], json!([]));
    }

    #[test]
    fn a_hidden_identifier_confirms_a_person_or_rules_out() {
        let server = start(config());
        let mut client = server.connect();
        let with = |id: &str| json!({"name": [ground::HIDDEN.0], "idNumber": [id]});
        let fits = one(&mut client, DEFAULT, "Person", with(ground::HIDDEN.1));
        assert_eq!(first(&fits), (0.85, true, "masked_identifier"));
        let shown = &fits["results"][0]["properties"]["idNumber"];
        assert_eq!(shown, &json!(["110101********0014"]), "no more than of a whole one");
        let other = one(&mut client, DEFAULT, "Person", with(ground::REPRESENTATIVE.1));
        assert_eq!(other["results"], json!([]));
    }
}

mod secrecy {
    use super::*;

    #[test]
    fn persons_are_masked_unless_their_name_is_asked() {
        let server = start(config());
        let mut client = server.connect();
        let body = json!({"queries": {"q": {"schema": "Person", "properties": {"idNumber": [ground::PERSON.1], "passportNumber": ["E12345678"]}}}});
        let answer = answered(&mut client, DEFAULT, &body);
        let result = &answer["responses"]["q"]["results"][0];
        assert_eq!(
            (&result["caption"], &result["properties"]["name"]),
            (&json!("戴**"), &json!(["戴**"]))
        );
        assert_eq!(result["properties"]["idNumber"], json!(["320500********0018"]));
        let text = answer.to_string();
        for secret in [ground::PERSON.0, ground::PERSON.1, "E12345678"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

mod parameters {
    use super::*;

    #[test]
    fn the_limit_hides_results_and_changes_nothing_else() {
        let server = start(config());
        let mut client = server.connect();
        let asked =
            json!({"name": [ground::RED.0, ground::RED_AND_BLACK.0], "uscCode": [ground::BLACK.1]});
        // Different sound numbers make names of others contradict, so names alone are asked.
        let names_alone =
            json!({"name": [ground::RED.0, ground::RED_AND_BLACK.0, ground::BLACK.0]});
        let all = one(&mut client, DEFAULT, "Company", names_alone.clone());
        assert_eq!((names(&all).len(), &all["total"]["value"]), (3, &json!(3)));
        for limit in [0, 1, 2] {
            let path = format!("/match/default?limit={limit}");
            let few = one(&mut client, &path, "Company", names_alone.clone());
            assert_eq!((names(&few).len(), &few["total"]["value"]), (limit, &json!(3)));
            assert_eq!(few["xincha"]["verdict"], all["xincha"]["verdict"]);
            assert_eq!(names(&few), names(&all)[..limit]);
        }
        let certain = one(&mut client, "/match/default?limit=1", "Company", asked);
        assert_eq!((names(&certain), first(&certain).0), (vec![ground::BLACK.0], 1.0));
    }

    #[test]
    fn threshold_and_cutoff_are_heeded() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"name": ["苏州星和科技有限公司"]});
        let of = |client: &mut Client, path: &str| one(client, path, "Company", asked.clone());
        let score = first(&of(&mut client, DEFAULT)).0;
        let sure = of(&mut client, "/match/default?threshold=0.99");
        assert!(!first(&sure).1, "{score}");
        assert_eq!(sure["total"]["value"], 0);
        let low = of(&mut client, "/match/default?threshold=0.3");
        assert!(first(&low).1);
        let cut = of(&mut client, "/match/default?threshold=0.99&cutoff=0.99");
        assert_eq!(cut["results"], json!([]));
        // A result that matches is never cut.
        let above = of(&mut client, "/match/default?threshold=0.3&cutoff=0.99");
        assert!(first(&above).1, "{above}");
        let exact = json!({"uscCode": [ground::BLACK.1]});
        let path = "/match/default?threshold=1&cutoff=1";
        assert_eq!(first(&one(&mut client, path, "Company", exact)), (1.0, true, "identifier"));
    }

    #[test]
    fn an_answered_id_or_a_referent_excludes_its_entity() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"uscCode": [ground::BLACK.1]});
        let found = one(&mut client, DEFAULT, "Company", asked.clone());
        let result = &found["results"][0];
        for id in [&result["id"], &result["referents"][0]] {
            let id = id.as_str().unwrap();
            let path = format!(
                "/match/zfcg?exclude_entity_ids=x&exclude_entity_ids={}",
                id.replace(':', "%3A")
            );
            let response = one(&mut client, &path, "Company", asked.clone());
            assert_eq!(response["results"], json!([]), "{id}");
            assert_eq!(response["xincha"]["verdict"], "clear");
        }
        let kept = one(&mut client, "/match/default?exclude_entity_ids=x", "Company", asked);
        assert_eq!(kept["results"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn datasets_topics_and_schemas_choose_what_counts() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"uscCode": [ground::RED_AND_BLACK.1]});
        let mut datasets = |path: &str| {
            let response = one(&mut client, path, "Company", asked.clone());
            let results = response["results"].as_array().unwrap();
            results.first().map_or(json!(null), |result| result["datasets"].clone())
        };
        assert_eq!(datasets("/match/default"), json!(["sxbzxr", "nsxy_a"]));
        assert_eq!(datasets("/match/all"), json!(["sxbzxr", "nsxy_a"]));
        assert_eq!(datasets("/match/nsxy_a"), json!(["nsxy_a"]));
        assert_eq!(datasets("/match/zfcg"), json!(null));
        assert_eq!(
            datasets("/match/default?include_dataset=zfcg&include_dataset=nsxy_a"),
            json!(["nsxy_a"])
        );
        assert_eq!(datasets("/match/default?exclude_dataset=nsxy_a"), json!(["sxbzxr"]));
        assert_eq!(datasets("/match/default?topics=reg.action"), json!(["sxbzxr"]));
        assert_eq!(datasets("/match/default?topics=role.pep"), json!(null));
        assert_eq!(datasets("/match/default?exclude_schema=Organization"), json!(null));
    }

    #[test]
    fn the_body_says_what_the_query_string_does_not() {
        let server = start(config());
        let mut client = server.connect();
        let body = json!({
            "queries": {"q": {"schema": "Company", "properties": {"uscCode": ground::RED_AND_BLACK.1}}},
            "params": {"limit": 7, "exclude_datasets": ["sxbzxr"], "unheard_of": 1},
        });
        let answer = answered(&mut client, DEFAULT, &body);
        assert_eq!(answer["limit"], 7);
        assert_eq!(answer["responses"]["q"]["results"][0]["datasets"], json!(["nsxy_a"]));
        let answer = answered(&mut client, "/match/default?limit=2&exclude_dataset=nsxy_a", &body);
        assert_eq!(answer["limit"], 2);
        assert_eq!(answer["responses"]["q"]["results"][0]["datasets"], json!(["sxbzxr"]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let server = start(config());
        let mut client = server.connect();
        let query = |properties: Value| json!({"queries": {"q": {"schema": "Person", "properties": properties}}});
        let good = query(json!({"name": ["John Doe"]}));
        let many: Vec<String> = (0..=50).map(|n| format!("John Doe {n}")).collect();
        let aliases = json!({"name": many[..30], "alias": many[21..]});
        let ids: Vec<String> = (0..17).map(|n| format!("E123456{n:02}")).collect();
        let with = |params: Value| json!({"queries": good["queries"], "params": params});
        let rows = [
            ("/match/nowhere", good.clone(), Code::UnknownDataset, Value::Null),
            ("/match/%FF", good.clone(), Code::UnknownDataset, Value::Null),
            (
                "/match/default?include_dataset=nowhere",
                good.clone(),
                Code::UnknownDataset,
                json!("/params/include_dataset"),
            ),
            (
                DEFAULT,
                with(json!({"exclude_datasets": ["nowhere"]})),
                Code::UnknownDataset,
                json!("/params/exclude_dataset"),
            ),
            (DEFAULT, json!({}), Code::MissingField, json!("/queries")),
            (DEFAULT, json!({"queries": {}}), Code::EmptyQueries, json!("/queries")),
            (DEFAULT, json!({"queries": []}), Code::WrongType, json!("/queries")),
            (DEFAULT, json!({"queries": {"q": null}}), Code::EmptyQueries, json!("/queries")),
            (
                DEFAULT,
                query(json!({"name": null})),
                Code::WrongType,
                json!("/queries/q/properties/name"),
            ),
            (
                DEFAULT,
                query(json!({"name": many})),
                Code::TooManyValues,
                json!("/queries/q/properties/name"),
            ),
            (
                DEFAULT,
                query(json!({"birthDate": vec!["1900-01-01"; 5]})),
                Code::TooManyValues,
                json!("/queries/q/properties/birthDate"),
            ),
            (DEFAULT, query(aliases), Code::TooManyValues, json!("/queries/q/properties/alias")),
            (
                DEFAULT,
                query(json!({"name": ["星".repeat(201)]})),
                Code::ValueTooLong,
                json!("/queries/q/properties/name"),
            ),
            (
                DEFAULT,
                query(json!({"idNumber": ["9".repeat(600)]})),
                Code::ValueTooLong,
                json!("/queries/q/properties/idNumber"),
            ),
            (
                DEFAULT,
                query(json!({"passportNumber": ids})),
                Code::TooManyIdentifiers,
                json!("/queries/q/properties/passportNumber"),
            ),
            (
                DEFAULT,
                json!({"queries": good["queries"], "config": {"nm_number_mismatch": 0.4}}),
                Code::UnknownField,
                json!("/config"),
            ),
            ("/match/default?limit=501", good.clone(), Code::OutOfRange, json!("/params/limit")),
            ("/match/default?limit=many", good.clone(), Code::WrongType, json!("/params/limit")),
            (
                "/match/default?threshold=NaN",
                good.clone(),
                Code::OutOfRange,
                json!("/params/threshold"),
            ),
            (DEFAULT, with(json!({"threshold": 70})), Code::OutOfRange, json!("/params/threshold")),
            (DEFAULT, with(json!({"cutoff": "low"})), Code::WrongType, json!("/params/cutoff")),
            (
                "/match/default?matter=nothing",
                good.clone(),
                Code::UnknownMatter,
                json!("/params/matter"),
            ),
        ];
        for (path, body, code, pointer) in rows {
            let problem = post(&mut client, path, &body).problem(code);
            assert_eq!(problem["pointer"], pointer, "{path} {body}");
        }
        let queries = |count: usize| {
            let query = &good["queries"]["q"];
            let queries = (0..count).map(|n| (n.to_string(), query.clone()));
            json!({"queries": queries.collect::<serde_json::Map<_, _>>()})
        };
        let hundred = answered(&mut client, DEFAULT, &queries(100));
        assert_eq!(hundred["responses"].as_object().unwrap().len(), 100);
        let problem = post(&mut client, DEFAULT, &queries(101)).problem(Code::TooManyQueries);
        assert_eq!(problem["max"], 100);
    }
}

mod verdicts {
    use super::*;

    fn verdict(client: &mut Client, path: &str, properties: Value) -> Value {
        one(client, path, "LegalEntity", properties)["xincha"]["verdict"].clone()
    }

    #[test]
    fn without_a_matter_nothing_is_stronger_than_a_review() {
        let server = start(config());
        let mut client = server.connect();
        let black = json!({"uscCode": ground::BLACK.1});
        assert_eq!(verdict(&mut client, DEFAULT, black), "review");
        let red = json!({"uscCode": ground::RED.1});
        assert_eq!(verdict(&mut client, "/match/nsxy_a", red), "clear");
        let nobody = json!({"name": ground::CLEAR.0});
        assert_eq!(verdict(&mut client, "/match/sxbzxr", nobody.clone()), "clear");
        // A list that was not delivered is searched.
        assert_eq!(verdict(&mut client, DEFAULT, nobody), "undetermined");
        // Nobody is asked about.
        for nothing in [json!({}), json!({"address": "苏州市"}), json!({"idNumber": "无"})] {
            assert_eq!(verdict(&mut client, "/match/sxbzxr", nothing), "undetermined");
        }
    }

    #[test]
    fn of_a_matter_it_is_that_of_a_check() {
        let server = start(config());
        let mut client = server.connect();
        let path = format!("/match/default?matter={MATTER}");
        let rows = [
            (ground::BLACK, "prohibit"),
            (ground::RED_AND_BLACK, "restrict"),
            (ground::RED, "clear"),
            (ground::CLEAR, "clear"),
            (ground::PERSON, "restrict"),
            (ground::REPRESENTATIVE, "restrict"),
        ];
        for ((name, id), expected) in rows {
            let checked = client.check(&check_with(&json!([{"ref": "a", "name": name, "id": id}])));
            assert_eq!(checked.json()["verdict"], expected, "{name}");
            let matched = verdict(&mut client, &path, json!({"name": name, "idNumber": id}));
            assert_eq!(matched, expected, "{name}");
        }
        // Of a name, as of a check: a suspicion, of a person not even that.
        assert_eq!(verdict(&mut client, &path, json!({"name": ground::BLACK.0})), "review");
        assert_eq!(verdict(&mut client, &path, json!({"name": ground::PERSON.0})), "clear");
        // Unless an identifier is of its prefecture.
        let near = "32050819000101001X";
        let checked =
            client.check(&check_with(&json!([{"ref": "a", "name": ground::PERSON.0, "id": near}])));
        assert_eq!(checked.json()["verdict"], "review");
        let asked = json!({"name": ground::PERSON.0, "idNumber": near});
        assert_eq!(verdict(&mut client, &path, asked), "review");
        let stale = format!("/match/default?matter={}", "%E5%85%B6%E4%BB%96-02491-006");
        let undetermined = verdict(&mut client, &stale, json!({"name": ground::CLEAR.0}));
        assert_eq!(undetermined, "undetermined");
    }

    #[test]
    fn a_related_subject_is_told_beside_the_results() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"idNumber": ground::REPRESENTATIVE.1});
        let response = one(&mut client, DEFAULT, "Person", asked);
        assert_eq!(response["results"], json!([]));
        let related = &response["xincha"]["related"][0];
        assert_eq!(
            (&related["role"], &related["name"]),
            (&json!("legal_representative"), &json!(ground::BLACK.0))
        );
        assert_eq!(related["entry"]["list"]["code"], "sxbzxr");
        assert_eq!(response["xincha"]["verdict"], "undetermined", "a list is missing");
    }
}

mod changed {
    use super::*;

    #[test]
    fn parts_of_a_foreign_name_are_tried_in_both_orders() {
        let (server, recording) = changes::start();
        let mut client = server.connect();
        let list = |name: &str| json!({"key": name, "change": "list", "list": "zfcg", "record": {"subject": {"name": name, "kind": "natural_person"}, "document": name}});
        let added = json!({"changes": [list("Zhao Min"), list("Lin Qian")]});
        assert_eq!(changes::change(&mut client, &added).status, 200);
        for (first, last) in [("Min", "Zhao"), ("Lin", "Qian")] {
            let asked = json!({"firstName": [first], "lastName": [last]});
            let found = one(&mut client, DEFAULT, "Person", asked);
            assert_eq!(super::first(&found), (0.5, false, "name"), "{first} {last}");
        }
        recording.stop();
    }

    #[test]
    fn entries_that_a_change_added_are_of_the_subject_they_join() {
        let (server, recording) = changes::start();
        let mut client = server.connect();
        let list = |key: &str, list: &str, subject: Value| json!({"key": key, "change": "list", "list": list, "record": {"subject": subject, "document": key}});
        let (red, clear) = (ground::RED, ground::CLEAR);
        let added = json!({"changes": [
            list("a", "zfcg", json!({"name": red.0, "id": red.1})),
            list("b", "zfcg", json!({"name": clear.0, "id": clear.1, "former_names": ["福州昨日商贸有限公司"]})),
            list("c", "zfcg", json!({"name": "欧阳小明", "kind": "natural_person"})),
        ]});
        assert_eq!(changes::change(&mut client, &added).status, 200);
        let joined = one(&mut client, DEFAULT, "Company", json!({"name": red.0}));
        let results = joined["results"].as_array().unwrap();
        assert_eq!((results.len(), &results[0]["datasets"]), (1, &json!(["zfcg", "nsxy_a"])));
        let path = format!(
            "/match/default?exclude_entity_ids={}",
            results[0]["referents"][0].as_str().unwrap()
        );
        let excluded = one(&mut client, &path, "Company", json!({"uscCode": red.1}));
        assert_eq!(excluded["results"], json!([]));

        let former = one(&mut client, DEFAULT, "Company", json!({"name": "福州昨日商贸有限公司"}));
        let (score, matches, grade) = first(&former);
        assert!(score >= 0.95 && matches && grade == "name", "{former}");
        let result = &former["results"][0];
        assert_eq!(
            (&result["caption"], &result["properties"]["alias"]),
            (&json!(clear.0), &json!(["福州昨日商贸有限公司"]))
        );
        assert_eq!(result["xincha"]["entries"][0]["former_name"], true);
        assert_eq!(result["explanations"]["same_name"]["candidate"], "福州昨日商贸有限公司");
        let both = json!({"name": clear.0, "previousName": "福州昨日商贸有限公司"});
        let own = one(&mut client, DEFAULT, "Company", both);
        assert_eq!(own["results"][0]["xincha"]["entries"][0]["former_name"], false);

        let person =
            one(&mut client, DEFAULT, "Person", json!({"firstName": "小明", "lastName": "欧阳"}));
        assert_eq!(first(&person), (0.5, false, "name"));
        recording.stop();
    }

    #[test]
    fn the_same_name_stands_before_those_that_are_like_it() {
        let (server, recording) = changes::start();
        let mut client = server.connect();
        let names = ["苏州晶方咨询有限公司", "苏州晶方咨询", "苏州市晶方咨询有限公司"];
        let list = |name: &&str| json!({"key": name, "change": "list", "list": "zfcg", "record": {"subject": {"name": name, "kind": "organisation"}, "document": name}});
        let added = json!({"changes": names.iter().map(list).collect::<Value>()});
        assert_eq!(changes::change(&mut client, &added).status, 200);
        for name in names {
            let one = json!({"name": name, "limit": 1}).to_string();
            let found = client.post("/v1/search", one.as_bytes()).json();
            assert_eq!(found["results"][0]["same_name"], true, "{name}");
            for path in [DEFAULT, "/match/default?limit=1"] {
                let found = super::one(&mut client, path, "Company", json!({"name": [name]}));
                assert_eq!((first(&found).2, super::names(&found)[0]), ("name", name));
                let scores = found["results"].as_array().unwrap().iter();
                let scores: Vec<f64> = scores.map(|it| it["score"].as_f64().unwrap()).collect();
                assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
            }
        }
        recording.stop();
    }

    #[test]
    fn a_former_name_that_another_bears_now_matches_only_the_other() {
        let (server, recording) = changes::start();
        let mut client = server.connect();
        let list = |key: &str, subject: Value| json!({"key": key, "change": "list", "list": "zfcg", "record": {"subject": subject, "document": key}});
        let (renamed, bearer) = (ground::CLEAR, "91320505MA0000314K");
        let name = "福州昨日商贸有限公司";
        let former = json!([{"name": name, "until": "2024-01-01"}]);
        let added = json!({"changes": [
            list("a", json!({"name": renamed.0, "id": renamed.1, "former_names": former})),
            list("b", json!({"name": name, "id": bearer})),
        ]});
        assert_eq!(changes::change(&mut client, &added).status, 200);
        let both = one(&mut client, DEFAULT, "Company", json!({"name": name}));
        let results = both["results"].as_array().unwrap();
        let told: Vec<(&str, bool)> = results
            .iter()
            .map(|result| (result["caption"].as_str().unwrap(), result["match"].as_bool().unwrap()))
            .collect();
        assert_eq!(told, [(name, true), (renamed.0, false)], "{both}");
        assert_eq!(results[1]["xincha"]["verdict"], "remind");
        assert!(results[1]["explanations"]["name_taken_over"].is_object());
        // A day that there is not is no day, wherever it stands.
        let wrong = json!([{"name": name, "until": "2024-02-30"}]);
        let wrong = list("c", json!({"name": renamed.0, "id": renamed.1, "former_names": wrong}));
        let refused = changes::change(&mut client, &json!({"changes": [wrong]}));
        assert_eq!((refused.status, refused.json()["code"].as_str()), (422, Some("invalid_day")));
        recording.stop();
    }
}
