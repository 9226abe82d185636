use super::Intent::{Price, Wallet, Weather};
use super::*;

#[test]
fn prompts() {
    let table: [(&str, &[Intent]); 9] = [
        ("What is the weather in Tokyo?", &[Weather]),
        ("Do I need an umbrella in Oslo", &[Weather]),
        ("How much is one answer?", &[Price]),
        ("What does the weather cost?", &[Weather, Price]),
        ("How much have you spent?", &[Wallet]),
        ("How much rain is there in Oslo?", &[Weather]),
        ("How much is the weather in Oslo?", &[Weather, Price]),
        ("And in Lima?", &[]),
        ("Sing me a song", &[]),
    ];
    for (prompt, expected) in table {
        assert_eq!(intents(prompt), expected, "{prompt}");
    }
}

#[test]
fn tools_are_found_by_name_then_by_description() {
    let tool = |name: &str, description: &str| -> ToolSpec {
        serde_json::from_value(serde_json::json!({ "name": name, "description": description }))
            .expect("a tool")
    };
    let (weather, price, other) = (
        tool("get_weather", "Costs a price"),
        tool("get_price", "The price of weather"),
        tool("lookup", "Current weather"),
    );
    let named =
        |intent: Intent, tools: &[&ToolSpec]| intent.tool(tools).map(|tool| tool.name.clone());
    assert_eq!(
        named(Weather, &[&price, &weather]).as_deref(),
        Some("get_weather")
    );
    assert_eq!(
        named(Price, &[&weather, &price]).as_deref(),
        Some("get_price")
    );
    assert_eq!(named(Price, &[&weather]), None);
    assert_eq!(named(Weather, &[&price, &other]).as_deref(), Some("lookup"));
    assert_eq!(named(Wallet, &[&weather, &price]), None);
}
