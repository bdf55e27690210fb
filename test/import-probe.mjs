/**
 * Imports the module named on the command line, and prints as JSON what that did beyond exporting: globals it
 * added or replaced, globals of browsers it asked for, timers and handles it left running. The packages named
 * after it are imported first: what they do to globals is theirs.
 */
const browserGlobals = [
  'window',
  'document',
  'location',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'RTCPeerConnection',
  'RTCDataChannel',
  'WebSocket',
  'Worker',
]
const builtIns = [Object, Array, Function, Promise, Uint8Array, Map, Set, String, Symbol, Error]

const globalsProbed = []
for (const browserGlobal of browserGlobals) {
  if (browserGlobal in globalThis) continue
  Object.defineProperty(globalThis, browserGlobal, {
    configurable: true,
    get() {
      globalsProbed.push(browserGlobal)
      return undefined
    },
  })
}

const [name, ...packages] = process.argv.slice(2)
for (const other of packages) await import(other)

// Node replaces some of its getters by their values at the first look.
for (const key of Object.getOwnPropertyNames(globalThis)) if (!browserGlobals.includes(key)) void globalThis[key]

globalsProbed.length = 0
const before = snapshot()
const module = await import(name)
const after = snapshot()
const globalsChanged = [...new Set([...before.keys(), ...after.keys()])].filter(
  (key) => !Object.is(before.get(key), after.get(key)),
)
const leftRunning = process
  .getActiveResourcesInfo()
  .filter((kind) => !/^(TTYWrap|PipeWrap|FSReqPromise|CloseReq)$/.test(kind))
console.log(JSON.stringify({ exported: Object.keys(module).length > 0, globalsChanged, globalsProbed, leftRunning }))

/** Every own property of the global object and of the built-ins' prototypes, by identity of its value or getter. */
function snapshot() {
  const values = new Map()
  const owners = new Map(builtIns.map((one) => [`${one.name}.prototype`, one.prototype]))
  owners.set('globalThis', globalThis)
  for (const [ownerName, owner] of owners) {
    for (const key of Reflect.ownKeys(owner)) {
      const descriptor = Object.getOwnPropertyDescriptor(owner, key)
      values.set(`${ownerName}.${String(key)}`, 'value' in descriptor ? descriptor.value : descriptor.get)
    }
  }
  return values
}
