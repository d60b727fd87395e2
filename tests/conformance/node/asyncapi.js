// Reads an AsyncAPI document from stdin, and writes what the parser of AsyncAPI says of it as one line of JSON.
'use strict';

const { readFileSync } = require('fs');
const { Parser } = require('@asyncapi/parser');

new Parser().parse(readFileSync(0, 'utf8')).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path }));
  console.log(JSON.stringify({
    diagnostics: found,
    version: document?.version(),
    messages: document?.components().messages().all().length,
  }));
});
