//! Requests in turn, each to what the ones before it have left.

/// An operation and its request, with `'` for `"`.
pub(crate) const CASES: &[(&str, &str)] = &[
    // A record is taken once, changed by its holder and given free: what the payments do.
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'stamp':{'B':'AQ=='},'expires_at':{'N':'4102444800'}},'ConditionExpression':'attribute_not_exists(id)'}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'stamp':{'B':'Ag=='}},'ConditionExpression':'attribute_not_exists(id)'}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'stamp':{'B':'Ag=='}},'ConditionExpression':'stamp = :old','ExpressionAttributeValues':{':old':{'B':'Aw=='}},'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'stamp':{'B':'Ag=='}},'ConditionExpression':'stamp = :old','ExpressionAttributeValues':{':old':{'B':'AQ=='}},'ReturnValues':'ALL_OLD'}",
    ),
    (
        "GetItem",
        "{'TableName':'payments','Key':{'id':{'S':'a'}},'ConsistentRead':true}",
    ),
    (
        "DeleteItem",
        "{'TableName':'payments','Key':{'id':{'S':'a'}},'ConditionExpression':'stamp = :old','ExpressionAttributeValues':{':old':{'B':'AQ=='}}}",
    ),
    (
        "DeleteItem",
        "{'TableName':'payments','Key':{'id':{'S':'a'}},'ReturnValues':'ALL_OLD'}",
    ),
    (
        "DeleteItem",
        "{'TableName':'payments','Key':{'id':{'S':'a'}}}",
    ),
    ("GetItem", "{'TableName':'payments','Key':{'id':{'S':'a'}}}"),
    // All or nothing, with a reason for each part.
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'t1'},'n':{'N':'1'}}}",
    ),
    (
        "TransactWriteItems",
        "{'TransactItems':[{'Put':{'TableName':'payments','Item':{'id':{'S':'t2'}}}},{'Put':{'TableName':'payments','Item':{'id':{'S':'t1'}},'ConditionExpression':'attribute_not_exists(id)','ReturnValuesOnConditionCheckFailure':'ALL_OLD'}}]}",
    ),
    (
        "GetItem",
        "{'TableName':'payments','Key':{'id':{'S':'t2'}}}",
    ),
    (
        "TransactWriteItems",
        "{'TransactItems':[{'Put':{'TableName':'payments','Item':{'id':{'S':'t2'}}}},{'ConditionCheck':{'TableName':'payments','Key':{'id':{'S':'t1'}},'ConditionExpression':'n = :n','ExpressionAttributeValues':{':n':{'N':'1.0'}}}},{'Update':{'TableName':'payments','Key':{'id':{'S':'t3'}},'UpdateExpression':'SET n = :n','ExpressionAttributeValues':{':n':{'N':'3'}}}},{'Delete':{'TableName':'payments','Key':{'id':{'S':'t4'}}}}],'ClientRequestToken':'one'}",
    ),
    (
        "TransactWriteItems",
        "{'TransactItems':[{'Delete':{'TableName':'payments','Key':{'id':{'S':'t2'}}}}],'ClientRequestToken':'one'}",
    ),
    (
        "TransactGetItems",
        "{'TransactItems':[{'Get':{'TableName':'payments','Key':{'id':{'S':'t2'}}}},{'Get':{'TableName':'payments','Key':{'id':{'S':'t9'}}}},{'Get':{'TableName':'payments','Key':{'id':{'S':'t3'}},'ProjectionExpression':'n'}}]}",
    ),
    (
        "TransactWriteItems",
        "{'TransactItems':[{'Delete':{'TableName':'payments','Key':{'id':{'S':'t2'}}}},{'Put':{'TableName':'payments','Item':{'id':{'S':'t2'}}}}]}",
    ),
    (
        "TransactWriteItems",
        "{'TransactItems':[{'Update':{'TableName':'payments','Key':{'id':{'S':'t3'}},'UpdateExpression':'SET n = gone + :n','ExpressionAttributeValues':{':n':{'N':'3'}}}}]}",
    ),
    // Updates.
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET #c = if_not_exists(#c, :zero) + :one, tags = :tags, deep = :deep','ExpressionAttributeNames':{'#c':'count'},'ExpressionAttributeValues':{':zero':{'N':'0'},':one':{'N':'1'},':tags':{'SS':['x','y']},':deep':{'M':{'steps':{'L':[{'N':'1'},{'N':'2'},{'N':'3'}]}}}},'ReturnValues':'ALL_NEW'}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET #c = #c - :half, deep.steps[0] = :s ADD tags :z REMOVE deep.steps[2]','ExpressionAttributeNames':{'#c':'count'},'ExpressionAttributeValues':{':half':{'N':'0.5'},':s':{'S':'s'},':z':{'SS':['z']}},'ReturnValues':'UPDATED_NEW'}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET deep.steps = list_append(deep.steps, :more) DELETE tags :all','ExpressionAttributeValues':{':more':{'L':[{'BOOL':true}]},':all':{'SS':['x','y','z']}},'ReturnValues':'ALL_NEW'}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'ADD hits :n','ExpressionAttributeValues':{':n':{'N':'-2'}},'ReturnValues':'UPDATED_OLD'}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET id = :s','ExpressionAttributeValues':{':s':{'S':'v'}}}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET hollow.inside = :s','ExpressionAttributeValues':{':s':{'S':'v'}}}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET x = nowhere','ReturnValues':'NONE'}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET hits = hits + :s','ExpressionAttributeValues':{':s':{'S':'v'}}}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u'}},'UpdateExpression':'SET a.b = :s, a = :s','ExpressionAttributeValues':{':s':{'S':'v'}}}",
    ),
    (
        "UpdateItem",
        "{'TableName':'payments','Key':{'id':{'S':'u2'}},'ReturnValues':'ALL_NEW'}",
    ),
    // Expressions that are wrong.
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'name = :n','ExpressionAttributeValues':{':n':{'S':'x'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'a = :n'}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'#a = :n','ExpressionAttributeValues':{':n':{'S':'x'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'attribute_not_exists(id)','ExpressionAttributeValues':{':n':{'S':'x'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'attribute_not_exists(id)','ExpressionAttributeNames':{'#n':'x'}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':''}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'a = = :n','ExpressionAttributeValues':{':n':{'S':'x'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'starts(a)'}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ConditionExpression':'begins_with(a, :n)','ExpressionAttributeValues':{':n':{'N':'1'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ExpressionAttributeValues':{':n':{'N':'1'}}}",
    ),
    // Items and keys that are wrong.
    (
        "PutItem",
        "{'TableName':'payments','Item':{'other':{'S':'a'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'N':'1'}}}",
    ),
    ("PutItem", "{'TableName':'payments','Item':{'id':{'S':''}}}"),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'n':{'N':'much'}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'n':{'SS':[]}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'n':{'SS':['x','x']}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'n':{'NULL':false}}}",
    ),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'},'n':{}}}",
    ),
    (
        "GetItem",
        "{'TableName':'payments','Key':{'id':{'S':'a'},'more':{'S':'b'}}}",
    ),
    (
        "GetItem",
        "{'TableName':'payments','Key':{'other':{'S':'a'}}}",
    ),
    ("GetItem", "{'TableName':'nothing','Key':{'id':{'S':'a'}}}"),
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'ReturnValues':'ALL_NEW'}",
    ),
    // Many at once.
    (
        "BatchWriteItem",
        "{'RequestItems':{'events':[{'PutRequest':{'Item':{'who':{'S':'p'},'when':{'N':'10'},'v':{'S':'ten'}}}},{'PutRequest':{'Item':{'who':{'S':'p'},'when':{'N':'-1'},'v':{'S':'minus'}}}},{'PutRequest':{'Item':{'who':{'S':'p'},'when':{'N':'9.5'},'v':{'S':'nine'}}}},{'PutRequest':{'Item':{'who':{'S':'q'},'when':{'N':'1'}}}}]}}",
    ),
    (
        "BatchWriteItem",
        "{'RequestItems':{'payments':[{'DeleteRequest':{'Key':{'id':{'S':'b'}}}},{'DeleteRequest':{'Key':{'id':{'S':'b'}}}}]}}",
    ),
    (
        "BatchGetItem",
        "{'RequestItems':{'events':{'Keys':[{'who':{'S':'q'},'when':{'N':'1.0'}},{'who':{'S':'q'},'when':{'N':'2'}}]}}}",
    ),
    (
        "BatchGetItem",
        "{'RequestItems':{'events':{'Keys':[{'who':{'S':'q'},'when':{'N':'1'}},{'who':{'S':'q'},'when':{'N':'1'}}]}}}",
    ),
    // Pages in order.
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p','ExpressionAttributeValues':{':p':{'S':'p'}},'ProjectionExpression':'v'}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p','ExpressionAttributeValues':{':p':{'S':'p'}},'ScanIndexForward':false,'Limit':2}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p','ExpressionAttributeValues':{':p':{'S':'p'}},'ScanIndexForward':false,'Limit':2,'ExclusiveStartKey':{'who':{'S':'p'},'when':{'N':'9.5'}}}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p AND #w BETWEEN :a AND :b','ExpressionAttributeNames':{'#w':'when'},'ExpressionAttributeValues':{':p':{'S':'p'},':a':{'N':'0'},':b':{'N':'10'}},'FilterExpression':'contains(v, :t)','Select':'COUNT'}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p AND #w BETWEEN :a AND :b','ExpressionAttributeNames':{'#w':'when'},'ExpressionAttributeValues':{':p':{'S':'p'},':a':{'N':'0'},':b':{'N':'10'},':t':{'S':'n'}},'FilterExpression':'contains(v, :t)','Select':'COUNT'}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'#w = :a','ExpressionAttributeNames':{'#w':'when'},'ExpressionAttributeValues':{':a':{'N':'0'}}}",
    ),
    (
        "Query",
        "{'TableName':'events','KeyConditionExpression':'who = :p','FilterExpression':'#w > :a','ExpressionAttributeNames':{'#w':'when'},'ExpressionAttributeValues':{':p':{'S':'p'},':a':{'N':'0'}}}",
    ),
    (
        "Query",
        "{'TableName':'events','IndexName':'by-v','KeyConditionExpression':'v = :p','ExpressionAttributeValues':{':p':{'S':'p'}}}",
    ),
    (
        "Scan",
        "{'TableName':'events','FilterExpression':'v IN (:a, :b) OR NOT attribute_exists(v)','ExpressionAttributeValues':{':a':{'S':'ten'},':b':{'S':'two'}},'Select':'COUNT'}",
    ),
    (
        "Scan",
        "{'TableName':'events','FilterExpression':'size(v) <= :n AND attribute_type(v, :t)','ExpressionAttributeValues':{':n':{'N':'3'},':t':{'S':'S'}}}",
    ),
    // What is not served is refused by name.
    (
        "PutItem",
        "{'TableName':'payments','Item':{'id':{'S':'a'}},'Expected':{}}",
    ),
    ("ExecuteStatement", "{'Statement':'SELECT * FROM payments'}"),
];
