/**
 * The room directory in Redis: what `RoomDirectory` does in memory, as scripts, which Redis carries out one at a
 * time. What clients say stays opaque to them: names, rooms and occupants are JSON texts that are compared and
 * handed on, never read.
 *
 *     <prefix>room:<room>     hash: `#` → capacity; [peer, session] → record of five lines
 *     <prefix>held:<server>   set of `<room>\n<name>`: what is to go with that server
 *     <prefix>server:<server> its lease; gone when it does not renew it
 *     <prefix>servers         set of all that ever had one and were not cleared up after
 *     <prefix>to:<server>     channel of the events for it
 *
 * Every script returns 0 where the asking server has no lease any more, and has done nothing then.
 */
const COMMON = `
local prefix, self, room = ARGV[1], ARGV[2], ARGV[3]
local function alive(server) return redis.call('EXISTS', prefix .. 'server:' .. server) == 1 end
local function tell(server, event) redis.call('PUBLISH', prefix .. 'to:' .. server, event) end
local function parse(name, record)
  local server, connection, secret, peer, occupant = string.match(record, '^([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  return { name = name, server = server, connection = connection, secret = secret, peer = peer, occupant = occupant }
end
local function entries(address)
  local all, list, capacity = redis.call('HGETALL', prefix .. 'room:' .. address), {}, nil
  for i = 1, #all, 2 do
    if all[i] == '#' then capacity = all[i + 1] else list[#list + 1] = parse(all[i], all[i + 1]) end
  end
  return list, capacity
end
local function tell_others(address, list, but, also, event)
  local told = {}
  for _, entry in ipairs(list) do told[entry.server] = true end
  if also then told[also] = true end
  told[but] = nil
  for server in pairs(told) do tell(server, event) end
end
local function remove(address, gone, why)
  redis.call('HDEL', prefix .. 'room:' .. address, gone.name)
  redis.call('SREM', prefix .. 'held:' .. gone.server, address .. '\\n' .. gone.name)
  local list = entries(address)
  if #list == 0 then redis.call('DEL', prefix .. 'room:' .. address) end
  tell_others(address, list, gone.server, nil, '{"kind":"left","room":' .. address .. ',"occupant":' .. gone.occupant .. ',"why":"' .. why .. '"}')
end
local function put(name, record, capacity)
  local replaced = redis.call('HGET', prefix .. 'room:' .. room, name)
  local before = replaced and parse(name, replaced).server
  if before then redis.call('SREM', prefix .. 'held:' .. before, room .. '\\n' .. name) end
  redis.call('HSETNX', prefix .. 'room:' .. room, '#', capacity)
  redis.call('HSET', prefix .. 'room:' .. room, name, record)
  redis.call('SADD', prefix .. 'held:' .. self, room .. '\\n' .. name)
  local event = '{"kind":"joined","room":' .. room .. ',"occupant":' .. parse(name, record).occupant .. '}'
  tell_others(room, entries(room), self, before, event)
end
local function occupants(list, but)
  local texts = {}
  for _, entry in ipairs(list) do if entry.name ~= but then texts[#texts + 1] = entry.occupant end end
  return '[' .. table.concat(texts, ',') .. ']'
end
`

const FENCED = `if not alive(self) then return 0 end
`

/** A server begins: its lease, for so many milliseconds. */
const BEGIN = `${COMMON}
redis.call('SET', prefix .. 'server:' .. self, '1', 'PX', ARGV[3])
redis.call('SADD', prefix .. 'servers', self)
return 1`

const RENEW = `${COMMON}
return redis.call('PEXPIRE', prefix .. 'server:' .. self, ARGV[3])`

/** After room: name, record, create, whether it may create, capacity, sessions a peer may have. */
const ENTER = `${COMMON}${FENCED}
local name, record, create, can_create = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local entrant, most = parse(name, record), tonumber(ARGV[9])
local list, capacity = entries(room)
for i = #list, 1, -1 do
  if not alive(list[i].server) then remove(room, table.remove(list, i), 'lost') end
end
local exists = #list > 0
local same, sessions, peers, distinct = nil, 0, {}, 0
for _, entry in ipairs(list) do
  if entry.name == name then same = entry end
  if entry.peer == entrant.peer then sessions = sessions + 1 end
  if not peers[entry.peer] then peers[entry.peer] = true; distinct = distinct + 1 end
end
local code, limit = nil, most
if not exists then
  if create == 'no' then code = 'room-not-found' elseif can_create == '0' then code = 'too-many-rooms' end
elseif same then
  if same.secret ~= entrant.secret then code = 'session-taken' end
elseif create == 'new' then code = 'room-taken'
elseif sessions == 0 and distinct >= tonumber(capacity) then code = 'room-full'; limit = capacity
elseif sessions >= most then code = 'too-many-sessions' end
if code then
  tell(self, '{"kind":"refused","connection":' .. entrant.connection .. ',"code":"' .. code .. '","limit":' .. limit .. '}')
  return 1
end
if not exists then capacity = ARGV[8] end
put(name, record, capacity)
tell(self, '{"kind":"entered","connection":' .. entrant.connection .. ',"room":' .. room .. ',"created":' .. tostring(not exists) ..
  ',"maxPeers":' .. capacity .. ',"others":' .. occupants(list, name) .. '}')
return 1`

/** After room: name, connection, why. */
const LEAVE = `${COMMON}${FENCED}
local record = redis.call('HGET', prefix .. 'room:' .. room, ARGV[4])
if record then
  local entry = parse(ARGV[4], record)
  if entry.server == self and entry.connection == ARGV[5] then remove(room, entry, ARGV[6]) end
end
return 1`

/** After room: capacity, previous name of the server, then a name and a record for each that is here. */
const RESTORE = `${COMMON}${FENCED}
local capacity, previous = ARGV[4], ARGV[5]
for i = 6, #ARGV, 2 do
  local record = redis.call('HGET', prefix .. 'room:' .. room, ARGV[i])
  local holder = record and parse(ARGV[i], record).server
  if not holder or holder == previous or not alive(holder) then put(ARGV[i], ARGV[i + 1], capacity) end
end
for _, entry in ipairs((entries(room))) do if entry.server == previous then remove(room, entry, 'lost') end end
tell(self, '{"kind":"roster","room":' .. room .. ',"occupants":' .. occupants((entries(room)), nil) .. '}')
return 1`

/** Some of what a server held goes: at once (1), or if its lease has run out (0). Returns how much is left. */
const CLEAR = `${COMMON}
if ARGV[3] == '0' and alive(self) then return 0 end
redis.call('DEL', prefix .. 'server:' .. self)
for _, held in ipairs(redis.call('SPOP', prefix .. 'held:' .. self, 100)) do
  local address, name = string.match(held, '^([^\\n]*)\\n(.*)$')
  local record = redis.call('HGET', prefix .. 'room:' .. address, name)
  local entry = record and parse(name, record)
  if entry and entry.server == self then remove(address, entry, 'lost') end
end
local left = redis.call('SCARD', prefix .. 'held:' .. self)
if left == 0 then redis.call('SREM', prefix .. 'servers', self) end
return left`

export const REDIS_SCRIPTS: Readonly<Record<RedisScriptName, string>> = {
  begin: BEGIN,
  renew: RENEW,
  enter: ENTER,
  leave: LEAVE,
  restore: RESTORE,
  clear: CLEAR,
}

export type RedisScriptName = 'begin' | 'renew' | 'enter' | 'leave' | 'restore' | 'clear'
