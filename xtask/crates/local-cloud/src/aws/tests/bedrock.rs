//! The offline model, by Bedrock's SDK: tools, several cities, both wires.

use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ContentBlockStart, ConversationRole, ConverseStreamOutput,
    Message, StopReason, ToolUseBlock,
};
use serde_json::json;

use super::{Cloud, sdk_client};

use super::conversation::{
    MODEL, calls, converse, document, message, names, result, said, tools, user, weather,
};

#[tokio::test]
async fn two_cities_are_two_calls_and_one_answer() {
    let cloud = Cloud::open().await;
    let client = sdk_client!(aws_sdk_bedrockruntime, cloud);
    let mut messages = vec![user("What is the weather in Tokyo and Oslo?")];
    let (asked, stop) = converse(&client, &messages).await;
    assert_eq!(
        (names(&asked), stop),
        (
            vec![
                "get_weather(Tokyo)".to_owned(),
                "get_weather(Oslo)".to_owned()
            ],
            StopReason::ToolUse
        )
    );
    let [tokyo, oslo] = calls(&asked)[..] else {
        panic!("two calls")
    };
    assert_ne!(tokyo.tool_use_id(), oslo.tool_use_id());
    let results = vec![
        result(tokyo.tool_use_id(), Ok(weather("Tokyo", 11.6))),
        result(oslo.tool_use_id(), Ok(weather("Oslo", 0.5))),
    ];
    messages.extend([asked.clone(), message(ConversationRole::User, results)]);
    let (answer, stop) = converse(&client, &messages).await;
    assert_eq!(
        said(&answer),
        "In Tokyo it is about 11.6 °C, mostly sunny in November. That is a climate normal of many years, not today's weather. \
         In Oslo it is about 0.5 °C, mostly sunny in November. That is a climate normal of many years, not today's weather. \
         I paid 0.01 USDC for each of the 2 answers."
    );
    assert_eq!(stop, StopReason::EndTurn);

    messages.extend([answer, user("And in Lima?")]);
    let (asked, _) = converse(&client, &messages).await;
    assert_eq!(names(&asked), ["get_weather(Lima)"]);
    let observed = json!({ "city": "Lima", "temperatureCelsius": 19, "conditions": "Overcast.", "kind": "observation", "payment": { "displayAmount": "0.01" } });
    let results = vec![result(calls(&asked)[0].tool_use_id(), Ok(observed))];
    messages.extend([asked, message(ConversationRole::User, results)]);
    let (answer, _) = converse(&client, &messages).await;
    assert_eq!(
        said(&answer),
        "In Lima it is 19 °C, Overcast. I paid 0.01 USDC for it."
    );
    messages.extend([answer, user("Is it cold there?")]);
    assert_eq!(
        names(&converse(&client, &messages).await.0),
        ["get_weather(Lima)"]
    );
}

#[tokio::test]
async fn other_questions() {
    let cloud = Cloud::open().await;
    let client = sdk_client!(aws_sdk_bedrockruntime, cloud);
    let (price, wallet) = (
        json!({ "amount": "10000", "displayAmount": "0.01", "currency": "USDC", "withinLimit": true }),
        json!({ "currency": "USDC", "displayBalance": "9.99", "displaySpent": "0.01", "payments": 1, "limits": { "displayPerCall": "0.05" } }),
    );
    let table = [
        (
            "How much does the weather cost?",
            "get_price()",
            Ok(price.clone()),
            "One answer costs 0.01 USDC. That is within the limit of the wallet.",
        ),
        (
            "How much is the weather in Oslo?",
            "get_price()",
            Ok(price.clone()),
            "One answer costs 0.01 USDC. That is within the limit of the wallet.",
        ),
        (
            "What is my balance?",
            "get_wallet()",
            Ok(wallet),
            "The wallet holds 9.99 USDC. It has spent 0.01 USDC in 1 payment. It pays at most 0.05 USDC for a call.",
        ),
        (
            "Weather in Atlantis?",
            "get_weather(Atlantis)",
            Err("unknown city"),
            "I could not get an answer for Atlantis: unknown city.",
        ),
        (
            "Weather in Rome?",
            "get_weather(Rome)",
            Ok(json!({ "sky": "blue" })),
            r#"The tool get_weather answered: {"sky":"blue"}"#,
        ),
    ];
    for (prompt, call, value, sentence) in table {
        let (asked, _) = converse(&client, &[user(prompt)]).await;
        assert_eq!(names(&asked), [call], "{prompt}");
        let results = vec![result(calls(&asked)[0].tool_use_id(), value)];
        let (answer, _) = converse(
            &client,
            &[
                user(prompt),
                asked,
                message(ConversationRole::User, results),
            ],
        )
        .await;
        assert_eq!(said(&answer), sentence);
    }
    let (hello, stop) = converse(&client, &[user("Write a poem about the sea")]).await;
    assert!(
        said(&hello).starts_with("I am Turnpike's offline model: ")
            && said(&hello).contains("get_weather, get_price, get_wallet"),
        "{}",
        said(&hello)
    );
    assert_eq!(stop, StopReason::EndTurn);
    assert!(
        said(&converse(&client, &[user("What is the weather?")]).await.0)
            .starts_with("Which city do you mean?")
    );
    let alone = client
        .converse()
        .model_id(MODEL)
        .messages(user("Weather in Oslo?"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        said(alone.output().unwrap().as_message().unwrap()),
        "I was given no tools, so I cannot tell you about the weather."
    );
}

#[tokio::test]
async fn the_stream_has_the_same_blocks() {
    let cloud = Cloud::open().await;
    let client = sdk_client!(aws_sdk_bedrockruntime, cloud);
    let send = async |messages: Vec<Message>| {
        client
            .converse_stream()
            .model_id(MODEL)
            .tool_config(tools())
            .set_messages(Some(messages))
            .send()
            .await
            .unwrap()
    };
    let prompt = user("weather in new york and São Paulo");
    let mut stream = send(vec![prompt.clone()]).await.stream;
    let (mut blocks, mut ends, mut stop) = (Vec::<(String, String, String)>::new(), 0, None);
    while let Some(event) = stream.recv().await.unwrap() {
        match event {
            ConverseStreamOutput::MessageStart(start) => {
                assert_eq!(start.role(), &ConversationRole::Assistant)
            }
            ConverseStreamOutput::ContentBlockStart(start) => match start.start().unwrap() {
                ContentBlockStart::ToolUse(start) => blocks.push((
                    start.tool_use_id().to_owned(),
                    start.name().to_owned(),
                    String::new(),
                )),
                other => panic!("{other:?}"),
            },
            ConverseStreamOutput::ContentBlockDelta(delta) => match delta.delta().unwrap() {
                ContentBlockDelta::ToolUse(piece) => {
                    blocks[usize::try_from(delta.content_block_index()).unwrap()].2 += piece.input()
                }
                other => panic!("{other:?}"),
            },
            ConverseStreamOutput::ContentBlockStop(_) => ends += 1,
            ConverseStreamOutput::MessageStop(end) => stop = Some(end.stop_reason().clone()),
            ConverseStreamOutput::Metadata(metadata) => {
                assert!(metadata.usage().unwrap().output_tokens() > 0)
            }
            other => panic!("{other:?}"),
        }
    }
    let inputs: Vec<&str> = blocks
        .iter()
        .map(|(_, name, input)| (name == "get_weather").then_some(&**input).unwrap())
        .collect();
    assert_eq!(
        (inputs, ends, stop),
        (
            vec![r#"{"city":"new york"}"#, r#"{"city":"São Paulo"}"#],
            2,
            Some(StopReason::ToolUse)
        )
    );

    let uses = blocks.iter().map(|(id, name, input)| {
        let input = document(&serde_json::from_str(input).unwrap());
        ContentBlock::ToolUse(
            ToolUseBlock::builder()
                .tool_use_id(id)
                .name(name)
                .input(input)
                .build()
                .unwrap(),
        )
    });
    let results = vec![
        result(&blocks[0].0, Ok(weather("New York", 8.0))),
        result(&blocks[1].0, Err("too many requests")),
    ];
    let messages = vec![
        prompt,
        message(ConversationRole::Assistant, uses.collect()),
        message(ConversationRole::User, results),
    ];
    let mut stream = send(messages).await.stream;
    let (mut text, mut pieces) = (String::new(), 0);
    while let Some(event) = stream.recv().await.unwrap() {
        if let ConverseStreamOutput::ContentBlockDelta(delta) = event {
            text += delta.delta().unwrap().as_text().unwrap();
            pieces += 1;
        }
    }
    assert!(pieces > 10, "word by word: {pieces}");
    assert!(
        text.ends_with(
            "I could not get an answer for São Paulo: too many requests. I paid 0.01 USDC for it."
        ),
        "{text}"
    );
}

#[tokio::test]
async fn requests_that_bedrock_refuses() {
    let cloud = Cloud::open().await;
    let client = sdk_client!(aws_sdk_bedrockruntime, cloud);
    let assistant = || {
        message(
            ConversationRole::Assistant,
            vec![ContentBlock::Text("hi".to_owned())],
        )
    };
    let tool_use = || {
        let tool_use = ToolUseBlock::builder()
            .tool_use_id("a")
            .name("get_price")
            .input(document(&json!({})))
            .build()
            .unwrap();
        message(
            ConversationRole::Assistant,
            vec![ContentBlock::ToolUse(tool_use)],
        )
    };
    let price = |id: &str| message(ConversationRole::User, vec![result(id, Ok(json!({})))]);
    let table = [
        (
            vec![assistant()],
            "A conversation must start with a user message. Try again",
        ),
        (
            vec![user("a"), user("b")],
            "A conversation must alternate between user and assistant roles.",
        ),
        (
            vec![user("a"), assistant()],
            "The offline model does not continue an assistant message",
        ),
        (
            vec![user(" ")],
            "The text field in the ContentBlock object at messages.0.content.0 is blank.",
        ),
        (
            vec![user("a"), tool_use(), user("b")],
            "Expected toolResult blocks at messages.2.content for the following Ids: a",
        ),
        (
            vec![user("a"), tool_use(), price("b")],
            "Expected toolResult blocks at messages.2.content for the following Ids: a",
        ),
        (
            vec![price("a")],
            "The toolResult block at messages.0.content has the Id a, which no toolUse",
        ),
    ];
    for (messages, expected) in table {
        let sent = client
            .converse()
            .model_id(MODEL)
            .tool_config(tools())
            .set_messages(Some(messages))
            .send()
            .await;
        let error = sent.unwrap_err().into_service_error();
        assert!(
            error.is_validation_exception()
                && error.meta().message().unwrap().starts_with(expected),
            "{error:?}"
        );
    }
    let without = client
        .converse()
        .model_id(MODEL)
        .messages(user("a"))
        .messages(tool_use())
        .messages(price("a"))
        .send()
        .await;
    let error = without.unwrap_err().into_service_error();
    assert!(
        error
            .meta()
            .message()
            .unwrap()
            .starts_with("The toolConfig field must be defined"),
        "{error:?}"
    );
    let other = client
        .converse_stream()
        .model_id("anthropic.claude:0")
        .messages(user("a"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(other.is_validation_exception(), "{other:?}");
    assert!(
        other
            .meta()
            .message()
            .unwrap()
            .contains("set the stage's key `model`"),
        "{other:?}"
    );
}

#[tokio::test]
async fn both_wires_have_a_permission_of_their_own() {
    let arn = "arn:aws:bedrock:us-east-1::foundation-model/turnpike.offline-model";
    let cloud =
        Cloud::with(json!({ "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": arn }))
            .await;
    let client = sdk_client!(aws_sdk_bedrockruntime, cloud);
    client
        .converse()
        .model_id(MODEL)
        .messages(user("hi"))
        .send()
        .await
        .unwrap();
    client
        .converse()
        .model_id(arn)
        .messages(user("hi"))
        .send()
        .await
        .unwrap();
    let error = client
        .converse_stream()
        .model_id(MODEL)
        .messages(user("hi"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_access_denied_exception(), "{error:?}");
}
