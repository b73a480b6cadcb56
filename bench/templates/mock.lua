-- The mock provider. The model's name says what is answered; whatever a real provider would refuse is refused, so that a gateway that
-- forgets to rewrite the model, to change the credential or to take the policy off shows up as errors.
local M = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function split_events(text)
  local list = {}
  for event in text:gmatch("(.-\n\n)") do
    list[#list + 1] = event
  end
  return list
end

local function refuse(status, why)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.print('{"error":{"message":"mock: ' .. why .. '"}}')
end

local function stream(events, pause)
  ngx.header["Content-Type"] = "text/event-stream; charset=utf-8"
  ngx.header["Cache-Control"] = "no-cache"
  for index = 1, #events do
    if not ngx.print(events[index]) or not ngx.flush(true) then
      return -- the gateway has closed the connection
    end
    if pause > 0 and index < #events then
      ngx.sleep(pause)
    end
  end
end

function M.prepare(directory, credential)
  M.credential, M.api_key = "Bearer " .. credential, credential
  M.completion = read(directory .. "/completion.json")
  M.events = split_events(read(directory .. "/events.txt"))
  M.slow_events = split_events(read(directory .. "/slow_events.txt"))
  M.message = read(directory .. "/message.json")
  M.message_events = split_events(read(directory .. "/message_events.txt"))
end

-- The model that is asked for; nil if the request was refused.
local function asked(right_credential)
  ngx.req.read_body() -- a provider reads the whole prompt before it answers
  if not right_credential then
    return refuse(401, "wrong credential")
  end
  local body = ngx.req.get_body_data() or ""
  if #body < 8192 and body:find('"data_policy"', 1, true) then
    return refuse(400, "data_policy must not reach a provider")
  end
  return body:match('"model":%s*"([^"]*)"') or ""
end

local function whole(answer)
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #answer
  return ngx.print(answer)
end

function M.answer_messages()
  local model = asked(ngx.var.http_x_api_key == M.api_key and ngx.var.http_anthropic_version ~= nil)
  if model == "bench-json" then
    return whole(M.message)
  elseif model == "bench-burst" then
    return stream(M.message_events, 0)
  elseif model then
    return refuse(404, "no such model")
  end
end

function M.answer(paced_pause, slow_pause)
  local model = asked(ngx.var.http_authorization == M.credential)
  if not model then
    return
  elseif model == "bench-json" then
    return whole(M.completion)
  elseif model == "bench-burst" then
    return stream(M.events, 0)
  elseif model == "bench-paced" then
    return stream(M.events, paced_pause)
  elseif model == "bench-slow" then
    return stream(M.slow_events, slow_pause)
  end
  return refuse(404, "no such model")
end

return M
