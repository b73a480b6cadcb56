-- wrk's script: posts one body again and again, with each key in turn, and prints one line of JSON at the end.
local function lines(path)
  local list = {}
  for line in io.lines(path) do
    list[#list + 1] = line
  end
  return list
end

local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
local body = file:read("*a")
file:close()
local keys = lines(os.getenv("BENCH_KEYS"))

wrk.method = "POST"
wrk.body = body
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. keys[1]

local requests, turn = {}, 0

local function prepare()
  for index, key in ipairs(keys) do
    wrk.headers["Authorization"] = "Bearer " .. key
    requests[index] = wrk.format()
  end
end

-- Only with several keys: without this function wrk builds its one request once.
if #keys > 1 then
  function request()
    if turn == 0 then
      prepare()
    end
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"answers":%d,"seconds":%.6f,"bytes":%d,"p50_us":%d,"p99_us":%d,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
