import{A as p,ao as t}from"./B2lyR4gn.js";import{B as c}from"./B-wJ-pg9.js";function f(a,r,...s){var o=new c(a);p(()=>{const n=r()??null;o.ensure(n,n&&(e=>n(e,...s)))},t)}export{f as s};
