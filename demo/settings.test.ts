import { describe, expect, it } from 'vitest'
import { fabricIn } from './fabric.ts'
import { settingsOf } from './settings.ts'

describe('settings of the address', () => {
  it('are the server beside the page, by the scheme of the page', () => {
    expect(settingsOf(new URL('http://localhost:5173/#x')).servers).toEqual(['ws://localhost:5173/signal'])
    expect(settingsOf(new URL('https://play.example/')).servers).toEqual(['wss://play.example/signal'])
  })

  it('are a list of servers, of which only WebSocket addresses count', () => {
    const url = new URL('http://localhost/?servers=ws://a:1,javascript:alert(1),wss://b')
    expect(settingsOf(url).servers).toEqual(['ws://a:1', 'wss://b'])
    expect(settingsOf(new URL('http://localhost/?servers=nonsense')).servers).toEqual(['ws://localhost/signal'])
  })

  it('leave STUN to the library unless it is turned off', () => {
    expect(settingsOf(new URL('http://localhost/')).iceServers).toBeUndefined()
    expect(settingsOf(new URL('http://localhost/?stun=off')).iceServers).toEqual([])
    expect(settingsOf(new URL('http://localhost/')).iceTransportPolicy).toBe('all')
    expect(settingsOf(new URL('http://localhost/?path=turn')).iceTransportPolicy).toBe('relay')
  })

  it('hold a place for as long as is asked, between a second and an hour', () => {
    expect(settingsOf(new URL('http://localhost/?window=20')).windowMs).toBe(20_000)
    for (const query of ['', '?window=0', '?window=4000', '?window=long']) {
      expect(settingsOf(new URL(`http://localhost/${query}`)).windowMs).toBeUndefined()
    }
  })

  it('name what carries the game: WebRTC unless the address asks for another that there is', () => {
    expect(settingsOf(new URL('http://localhost/')).fabric).toBe('webrtc')
    expect(settingsOf(new URL('http://localhost/?fabric=broadcast-channel')).fabric).toBe('broadcast-channel')
    expect(fabricIn(new URL('http://localhost/'))).toBe('webrtc')
    expect(fabricIn(new URL('http://localhost/?fabric=toString'))).toBeNull()
    expect(settingsOf(new URL('http://localhost/?fabric=toString')).fabric).toBe('webrtc')
    expect(settingsOf(new URL('http://localhost/?fabric=peerjs')).servers).toEqual(['wss://0.peerjs.com/'])
    expect(settingsOf(new URL('http://localhost/?fabric=peerjs&servers=ws://a:1/')).servers).toEqual(['ws://a:1/'])
  })
})
