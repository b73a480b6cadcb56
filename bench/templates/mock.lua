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
  M.credential = "Bearer " .. credential
  M.completion = read(directory .. "/completion.json")
  M.events = split_events(read(directory .. "/events.txt"))
  M.slow_events = split_events(read(directory .. "/slow_events.txt"))
end

function M.answer(paced_pause, slow_pause)
  ngx.req.read_body() -- a provider reads the whole prompt before it answers
  if ngx.var.http_authorization ~= M.credential then
    return refuse(401, "wrong credential")
  end
  local body = ngx.req.get_body_data() or ""
  if #body < 8192 and body:find('"data_policy"', 1, true) then
    return refuse(400, "data_policy must not reach a provider")
  end
  local model = body:match('"model":%s*"([^"]*)"')
  if model == "bench-json" then
    ngx.header["Content-Type"] = "application/json"
    ngx.header["Content-Length"] = #M.completion
    return ngx.print(M.completion)
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
