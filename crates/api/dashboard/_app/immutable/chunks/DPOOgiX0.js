import{k as p,X as t}from"./DqBfRhXe.js";import{B as c}from"./BYrbsOZH.js";function f(r,s,...a){var e=new c(r);p(()=>{const n=s()??null;e.ensure(n,n&&(o=>n(o,...a)))},t)}export{f as s};
