/** What a client says to each kind of server. */
export const dialects = {
  ours: {
    url: (port) => `ws://127.0.0.1:${port}`,
    greeting: (peer, room) =>
      JSON.stringify({
        type: 'attach',
        version: 1,
        room,
        peer,
        session: '1',
        sessionSecret: 'sixteen characters',
        create: 'if-missing',
      }),
    isWelcome: ({ type }) => type === 'attached',
    message: (_from, to, body) => JSON.stringify({ type: 'signal', to: { peer: to, session: '1' }, body }),
    isMessage: (data) => data.includes('"signal"'),
  },
  peer: {
    url: (port, id) => `ws://127.0.0.1:${port}/peerjs?key=peerjs&id=${id}&token=${id}`,
    greeting: () => null,
    isWelcome: ({ type }) => type === 'OPEN',
    message: (_from, to, body) => JSON.stringify({ type: 'CANDIDATE', dst: to, payload: body }),
    isMessage: (data) => data.includes('"CANDIDATE"'),
  },
}
